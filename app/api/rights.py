"""The matrix of rights: what each operation asks of its caller; what is not named is refused.

* `open`: nothing; it is the same for everybody
* `reference`: forms, rules and the like: everybody, if the setting lets anonymous callers read
* `read`: the same, and the reply shows what the caller may see
* `check`: whoever has said who they are
* `write`: the editor of the agency, an administrator
* `review`: a reviewer above the agency, or of it; an administrator
* `decide`: those who may write, and those who may review
* `audit`: an auditor, an administrator
* `administer`: an administrator
"""

from collections.abc import Mapping
from typing import Any, Literal

from sqlalchemy import Connection

from app.domain.roles import Role
from app.errors import Forbidden, Unauthorized
from app.forms import TABLE_KEYS
from app.services.callers import Caller
from app.storage import agencies

Right = Literal[
    "open", "reference", "read", "check", "write", "review", "decide", "audit", "administer"
]

_OPERATIONS: dict[Right, tuple[str, ...]] = {
    "open": (
        "healthz",
        "readyz",
        "metrics",
        "docs",
        "openapi_json",
        "index",
        "get_problem",
    ),
    "reference": ("list_forms", "get_form", "list_rules", "list_measures", "get_template"),
    "read": (
        "list_reports",
        "get_report",
        *(f"get_{key}" for key in TABLE_KEYS),
        "get_findings",
        "list_findings",
        "get_comparison",
        "get_series",
        "get_statistics",
        "list_agencies",
        "get_periods",
        "list_successions",
        "get_succession",
        "get_agency",
        "get_rollup",
        "get_transitions",
        "list_revisions",
        "get_revision",
        "get_revision_diff",
        "list_reporting_years",
        "get_reporting_year",
        "get_completeness",
        "export_ndjson",
        "export_csv",
        "export_xlsx",
        "export_parquet",
        "list_changes",
        "stream_changes",
        "get_digests",
    ),
    "write": (
        "put_report",
        "patch_report",
        "delete_report",
        "post_report",
        *(f"{verb}_{key}" for key in TABLE_KEYS for verb in ("put", "patch", "delete")),
        "post_import",
        "get_import",
        "get_import_outcomes",
    ),
    "check": ("post_validation", "get_decision"),
    "decide": ("post_transition", "put_decision", "delete_decision"),
    "audit": ("list_audit", "get_audit_entry", "export_audit"),
    "administer": (
        "put_agency",
        "patch_agency",
        "delete_agency",
        "post_agency",
        "put_reporting_year",
        "patch_reporting_year",
        "delete_reporting_year",
        "post_reporting_year",
        "post_succession",
        "delete_succession",
        "list_imports",
        "list_keys",
        "post_key",
        "get_key",
        "patch_key",
        "delete_key",
        "list_webhooks",
        "post_webhook",
        "get_webhook",
        "patch_webhook",
        "delete_webhook",
        "rotate_secret",
        "replay_webhook",
        "ping_webhook",
        "list_deliveries",
    ),
}
RIGHTS: dict[str, Right] = {name: right for right, names in _OPERATIONS.items() for name in names}
"""What each operation asks, by its name."""

_ROLES: dict[Right, frozenset[Role]] = {
    "write": frozenset({"editor", "admin"}),
    "review": frozenset({"reviewer", "admin"}),
    "decide": frozenset({"editor", "reviewer", "admin"}),
    "audit": frozenset({"auditor", "admin"}),
    "administer": frozenset({"admin"}),
}
ANYBODY: frozenset[Right] = frozenset({"open", "reference", "read"})
"""What is asked of nobody, if the setting lets anonymous callers read."""


def require(right: Right | None, caller: Caller, path: Mapping[str, Any], *, is_open: bool) -> None:
    """Raise `Unauthorized` or `Forbidden` if a caller may not do what a path names.

    `is_open` lets callers read who do not say who they are.
    """
    if right in ANYBODY and (is_open or caller.role is not None):
        return
    if caller.role is None:
        raise Unauthorized("authentication-required")
    if right in ANYBODY or right == "check":
        return
    if right is None or caller.role not in _ROLES[right]:
        raise Forbidden(right or "administer")
    if caller.role == "editor" and "agency" in path:
        require_agency(caller, path["agency"])


def require_over(connection: Connection, caller: Caller, right: Right, agency: str) -> None:
    """Raise `Unauthorized` or `Forbidden` if a caller has not a right over an agency.

    A reviewer has it over those at or below their own, as the tree stands now.
    """
    if caller.role is None:
        raise Unauthorized("authentication-required")
    if caller.role not in _ROLES[right]:
        raise Forbidden(right)
    require_agency(caller, agency)
    if caller.role == "reviewer" and not (
        caller.agency and agencies.is_at_or_below(connection, agency, caller.agency)
    ):
        raise Forbidden(right)


def require_agency(caller: Caller, agency: str | None) -> None:
    """Raise `Forbidden` if a caller who may write may not write the reports of an agency."""
    if caller.role == "editor" and caller.agency != agency:
        raise Forbidden("write")
