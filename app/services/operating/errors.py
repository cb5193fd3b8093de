"""What stops an operator's command; the text says why, and what to do."""


class OperatingError(Exception):
    """A command cannot do what it was told."""
