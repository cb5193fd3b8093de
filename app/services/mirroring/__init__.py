"""A copy of another instance: load all, follow its changes, and prove that both agree."""
