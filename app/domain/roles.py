"""Who may do what: the roles of callers, and what each of them may do where."""

from typing import Literal, get_args

Role = Literal["reader", "editor", "reviewer", "auditor", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""The strongest last: of several in a token that one counts."""

OF_AN_AGENCY = frozenset({"editor", "reviewer"})
"""The roles that mean nothing without an agency."""
SEES_ALL = frozenset({"auditor", "admin"})
"""The roles that see every report, published or not."""
