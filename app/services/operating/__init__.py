"""Keeping the service alive: copies, and a look at everything that can be wrong."""
