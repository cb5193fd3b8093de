"""The database tables. Those of the statistical tables are derived from the forms.

A row of a filing table is a filed table: one column per cell of any edition, NULL for a blank or
for a cell that the report's form does not have. Times are RFC 3339 texts in UTC, as the API shows
them; texts that are sorted use the order of code points on both databases.
"""

from typing import Any, ClassVar

from pydantic import create_model
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    UniqueConstraint,
    literal_column,
    text,
)
from sqlalchemy import Text as LongText
from sqlmodel import Field, SQLModel

from app.domain.layout import LARGEST, Form, Unit
from app.forms import FORMS, TABLE_KEYS, cells_of, choices_of, last_year

SQLModel.model_config["defer_build"] = True  # rows are not validated: see `api.schemas`
SQLModel.metadata.naming_convention = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}

INSTANT = 27  # 2026-11-24T10:30:00.000000Z
LARGEST_DECIMAL = 10**18 - 1  # twelve digits and six places, in millionths


def _text(length: int) -> Any:
    plain = String(length)
    return plain.with_variant(String(length, collation="C"), "postgresql")


_SERIAL: Any = BigInteger().with_variant(Integer(), "sqlite")
"""A number by which rows are stored on SQLite, too, so that it needs no index of its own."""


def _code(**options: Any) -> Any:
    return Field(sa_type=_text(32), **options)


class _Row(SQLModel):
    __table__: ClassVar[Any]  # the Table that SQLAlchemy knows it by


class Agency(_Row, table=True):
    """An agency. `search` is its name and short name as `q` looks for them."""

    code: str = _code(primary_key=True)
    name: str = Field(sa_type=_text(200))
    short_name: str | None = Field(default=None, sa_type=_text(200))
    kind: str = Field(sa_type=String(16))
    level: str = Field(sa_type=String(16))
    parent: str | None = _code(default=None, foreign_key="agency.code", index=True)
    uscc: str | None = Field(default=None, sa_type=String(18), unique=True)
    uscc_unchecked: bool = False
    division: str | None = Field(default=None, sa_type=String(9))
    active_from: str | None = Field(default=None, sa_type=String(10))
    active_to: str | None = Field(default=None, sa_type=String(10))
    search: str = Field(sa_type=LongText)
    revision: int
    created_at: str = Field(sa_type=_text(INSTANT))
    updated_at: str = Field(sa_type=_text(INSTANT))


class AgencyPeriod(_Row, table=True):
    """What an agency was from `valid_from` on, until its next period; empty: since ever.

    The last period of an agency says what its row says.
    """

    __tablename__ = "agency_period"
    __table_args__ = (Index(None, "valid_from", "agency"),)

    agency: str = _code(primary_key=True, foreign_key="agency.code", ondelete="CASCADE")
    valid_from: str = Field(primary_key=True, sa_type=_text(10))
    name: str = Field(sa_type=_text(200))
    short_name: str | None = Field(default=None, sa_type=_text(200))
    kind: str = Field(sa_type=String(16))
    level: str = Field(sa_type=String(16))
    parent: str | None = _code(default=None, foreign_key="agency.code", index=True)


class Succession(_Row, table=True):
    """That an agency followed another, with effect from a day of the year `year`."""

    __table_args__ = (UniqueConstraint("predecessor", "successor", "year"),)

    id: str = Field(primary_key=True, sa_type=_text(36))
    predecessor: str = _code(foreign_key="agency.code")
    successor: str = _code(foreign_key="agency.code", index=True)
    kind: str = Field(sa_type=String(8))
    effective_on: str = Field(sa_type=_text(10))
    year: int
    created_at: str = Field(sa_type=_text(INSTANT))


class ReportingYear(_Row, table=True):
    """A reporting year. `due` is a JSON object: the due date of each kind of agency."""

    __tablename__ = "reporting_year"

    year: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    status: str = Field(sa_type=String(8))
    due: str = Field(sa_type=LongText)
    revision: int
    created_at: str = Field(sa_type=_text(INSTANT))
    updated_at: str = Field(sa_type=_text(INSTANT))


class Report(_Row, table=True):
    """What a client wrote of a report beside its tables, and where its filing stands.

    `correction` is why it was last corrected after it had been published.
    """

    # Both members: by the year alone PostgreSQL checks keys as gladly as by the primary key while
    # its plan is made for an empty table, and reads all of a year for each row.
    __table_args__ = (Index(None, "year", "agency"),)

    agency: str = _code(primary_key=True, foreign_key="agency.code")
    year: int = Field(primary_key=True, foreign_key="reporting_year.year")
    agency_name_reported: str | None = Field(default=None, sa_type=LongText)
    overview: str | None = Field(default=None, sa_type=LongText)
    problems: str | None = Field(default=None, sa_type=LongText)
    other_matters: str | None = Field(default=None, sa_type=LongText)
    submitted_on: str | None = Field(default=None, sa_type=String(10))
    published_on: str | None = Field(default=None, sa_type=String(10))
    published_url: str | None = Field(default=None, sa_type=LongText)
    revision: int
    created_at: str = Field(sa_type=_text(INSTANT))
    updated_at: str = Field(sa_type=_text(INSTANT))
    state: str = Field(
        default="draft", sa_type=String(10), sa_column_kwargs={"server_default": "draft"}
    )
    correction: str | None = Field(default=None, sa_type=LongText)


def _of_report() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["agency", "year"], ["report.agency", "report.year"], ondelete="CASCADE"
    )


class DerivedDocument(_Row, table=True):
    """Derived: a report as it is served. `body` is its JSON, gzipped; `summary` that of lists.

    `digest` names what clients wrote of it; it is NULL only until the documents of an older version
    are rebuilt.
    """

    __tablename__ = "derived_document"
    __table_args__ = (
        _of_report(),
        # With the digest, so that a tree of digests is read from the index alone.
        Index("ix_derived_document_year", "year", "agency", "digest"),
        # The indexes latest_of_year, latest and worst_of_year, whose first sort key descends, stand
        # in the migration alone: Alembic cannot compare such indexes on SQLite.
    )

    agency: str = _code(primary_key=True)
    year: int = Field(primary_key=True)
    etag: str = Field(sa_type=String(48))
    updated_at: str = Field(sa_type=_text(INSTANT))
    errors: int
    warnings: int
    infos: int
    rule_set: str = Field(sa_type=String(16))
    summary: bytes = Field(sa_type=LargeBinary)
    body: bytes = Field(sa_type=LargeBinary)
    digest: str | None = Field(default=None, sa_type=String(64))


class DerivedFinding(_Row, table=True):
    """Derived: a failure of a rule, in the order of all that there may be. `body` is its JSON."""

    __tablename__ = "derived_finding"
    __table_args__ = (
        _of_report(),
        Index(None, "rule", "year", "agency"),
        Index(None, "severity", "year", "agency"),
        Index(None, "year", "agency"),
    )

    agency: str = _code(primary_key=True)
    year: int = Field(primary_key=True)
    position: int = Field(primary_key=True)
    rule: str = Field(sa_type=_text(64))
    severity: str = Field(sa_type=_text(8))
    body: bytes = Field(sa_type=LargeBinary)


class ReportRevision(_Row, table=True):
    """A report as it was at a revision, never changed. `body` is its document, gzipped.

    It is NULL where the report was deleted. `actor` is who wrote it, `reason` why it was corrected.
    """

    __tablename__ = "report_revision"

    agency: str = _code(primary_key=True)
    year: int = Field(primary_key=True)
    revision: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: str = Field(sa_type=_text(INSTANT))
    actor: str | None = Field(default=None, sa_type=LongText)
    reason: str | None = Field(default=None, sa_type=LongText)
    etag: str | None = Field(default=None, sa_type=String(48))
    body: bytes | None = Field(default=None, sa_type=LargeBinary)


class Transition(_Row, table=True):
    """A step in the filing of a report, of which `position` is the number."""

    __tablename__ = "report_transition"

    agency: str = _code(primary_key=True)
    year: int = Field(primary_key=True)
    position: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: str = Field(sa_type=_text(INSTANT))
    actor: str | None = Field(default=None, sa_type=LongText)
    action: str = Field(sa_type=String(16))
    before: str = Field(sa_type=String(10))
    after: str = Field(sa_type=String(10))
    comment: str | None = Field(default=None, sa_type=LongText)
    revision: int


class Decision(_Row, table=True):
    """What was said of a warning. It holds while `basis`, a digest of the values, is theirs."""

    __tablename__ = "finding_decision"
    __table_args__ = (_of_report(),)

    agency: str = _code(primary_key=True)
    year: int = Field(primary_key=True)
    finding: str = Field(primary_key=True, sa_type=_text(200))
    decision: str = Field(sa_type=String(12))
    explanation: str | None = Field(default=None, sa_type=LongText)
    basis: str = Field(sa_type=String(64))
    at: str = Field(sa_type=_text(INSTANT))
    actor: str | None = Field(default=None, sa_type=LongText)


class ApiKey(_Row, table=True):
    """An API key. `digest` is the HMAC of the key, which itself is stored nowhere."""

    __tablename__ = "api_key"

    id: str = Field(primary_key=True, sa_type=_text(36))
    name: str = Field(sa_type=_text(200))
    digest: str = Field(sa_type=String(64), unique=True)
    role: str = Field(sa_type=String(8))
    agency: str | None = _code(default=None, foreign_key="agency.code", index=True)
    rate_limit: int | None = None
    revision: int
    created_at: str = Field(sa_type=_text(INSTANT))
    updated_at: str = Field(sa_type=_text(INSTANT))
    expires_at: str | None = Field(default=None, sa_type=_text(INSTANT))
    revoked_at: str | None = Field(default=None, sa_type=_text(INSTANT))
    last_used_at: str | None = Field(default=None, sa_type=_text(INSTANT))


class Retired(_Row, table=True):
    """The last revision of what was deleted, so that a later one of its key does not repeat it."""

    key: str = Field(primary_key=True, sa_type=String(80))
    revision: int


class Change(_Row, table=True):
    """A committed change. `body` is the JSON of the feed's item but for its `seq`.

    `agency` and `year` are those that it touches, for who asks by them. `layer` is that of a report
    (see `storage.layers`).
    """

    seq: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    at: str = Field(sa_type=_text(INSTANT))
    resource: str = Field(sa_type=String(16))
    key: str = Field(sa_type=String(64))
    agency: str | None = _code(default=None)
    year: int | None = None
    op: str = Field(sa_type=String(16))
    revision: int
    body: bytes = Field(sa_type=LargeBinary)
    layer: str | None = Field(default=None, sa_type=String(10))


class Clock(_Row, table=True):
    """The one row that numbers changes: the last number given, and the first that is still kept.

    Beside them the number and the digest of the last audit entry, and the digest before the first
    that is kept.
    """

    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    seq: int = Field(sa_type=BigInteger)
    oldest: int = Field(sa_type=BigInteger)
    audited: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    audit_head: str = Field(default="", sa_type=String(64), sa_column_kwargs={"server_default": ""})
    audit_anchor: str = Field(
        default="", sa_type=String(64), sa_column_kwargs={"server_default": ""}
    )


class AuditEntry(_Row, table=True):
    """Who did what. `body` is canonical JSON and has the digest of the entry before in it.

    `digest` is that of the body. The other columns repeat what is in it, to be searched by.
    """

    __tablename__ = "audit_entry"
    __table_args__ = (Index(None, "agency", "year", "seq"),)

    seq: int = Field(primary_key=True, sa_type=_SERIAL, sa_column_kwargs={"autoincrement": False})
    at: str = Field(sa_type=_text(INSTANT))
    actor: str = Field(sa_type=_text(200))
    agency: str | None = _code(default=None)
    year: int | None = None
    body: bytes = Field(sa_type=LargeBinary)
    digest: str = Field(sa_type=String(64))


class ImportJob(_Row, table=True):
    """An import that runs, or ran, in the background.

    `owner` is the worker that runs it, until `lease_until` at the latest without a sign of life.
    `marker` is the last agency of which a partial import has stored everything. `counts` is JSON.
    `actor` is who sent it, `only` the agency whose reports they may write; NULL for any.
    `lost` is how many workers in a row were gone before any part of it was stored.
    """

    __tablename__ = "import_job"

    id: str = Field(primary_key=True, sa_type=_text(36))
    state: str = Field(sa_type=String(8))
    mode: str = Field(sa_type=String(8))
    dry_run: bool
    format: str = Field(sa_type=String(8))
    bytes_total: int = Field(sa_type=BigInteger)
    phase: str = Field(sa_type=String(8))
    bytes: int = Field(sa_type=BigInteger)
    lines: int = Field(sa_type=BigInteger)
    written: int = Field(sa_type=BigInteger)
    marker: str | None = _code(default=None)
    counts: str | None = Field(default=None, sa_type=LongText)
    actor: str | None = Field(default=None, sa_type=LongText)
    only: str | None = _code(default=None)
    owner: str | None = Field(default=None, sa_type=String(300))
    lease_until: str | None = Field(default=None, sa_type=_text(INSTANT))
    created_at: str = Field(sa_type=_text(INSTANT))
    updated_at: str = Field(sa_type=_text(INSTANT))
    finished_at: str | None = Field(default=None, sa_type=_text(INSTANT))
    lost: int = Field(default=0, sa_column_kwargs={"server_default": "0"})


class ImportChunk(_Row, table=True):
    """A piece of an import, gzipped: of the file (`upload`), or of its outcomes as NDJSON.

    A `part` has the outcomes of what a partial import has stored so far, `outcome` those of one
    that has ended, by line.
    """

    __tablename__ = "import_chunk"

    job: str = Field(
        primary_key=True, sa_type=_text(36), foreign_key="import_job.id", ondelete="CASCADE"
    )
    kind: str = Field(primary_key=True, sa_type=String(8))
    position: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    body: bytes = Field(sa_type=LargeBinary)


class Idempotency(_Row, table=True):
    """The reply to a request with an Idempotency-Key. `headers` is a JSON object."""

    key: str = Field(primary_key=True, sa_type=String(255))
    fingerprint: str = Field(sa_type=String(64))
    status: int
    headers: str = Field(sa_type=LongText)
    body: bytes = Field(sa_type=LargeBinary)
    created_at: str = Field(sa_type=_text(INSTANT), index=True)


class MirrorState(_Row, table=True):
    """What this database is a copy of, and how far: every change up to `position` is in it.

    There is one row at most. `under` is the agency below which it copies; empty for all.
    """

    __tablename__ = "mirror_state"

    source: str = Field(primary_key=True, sa_type=String(500))
    under: str = Field(default="", sa_type=_text(32))
    position: int = Field(sa_type=BigInteger)
    updated_at: str = Field(sa_type=_text(INSTANT))


class Webhook(_Row, table=True):
    """Who is told of changes. `resources` is a JSON list; `position` the last number told.

    `owner` delivers for it, until `lease_until` at the latest. Secrets stand as they are: they are
    needed to sign. `attempts` counts the failures of the message that is due.
    """

    id: str = Field(primary_key=True, sa_type=_text(36))
    url: str = Field(sa_type=LongText)
    description: str | None = Field(default=None, sa_type=LongText)
    resources: str = Field(sa_type=LongText)
    active: bool
    secret: str = Field(sa_type=String(128))
    old_secret: str | None = Field(default=None, sa_type=String(128))
    old_until: str | None = Field(default=None, sa_type=_text(INSTANT))
    revision: int
    position: int = Field(sa_type=BigInteger)
    attempts: int
    failing_since: str | None = Field(default=None, sa_type=_text(INSTANT))
    next_attempt_at: str | None = Field(default=None, sa_type=_text(INSTANT))
    owner: str | None = Field(default=None, sa_type=String(36))
    lease_until: str | None = Field(default=None, sa_type=_text(INSTANT))
    created_at: str = Field(sa_type=_text(INSTANT))
    updated_at: str = Field(sa_type=_text(INSTANT))


class WebhookDelivery(_Row, table=True):
    """An attempt to deliver a message to a webhook, and what came of it."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (Index(None, "webhook", "at", "id"),)

    id: str = Field(primary_key=True, sa_type=_text(36))
    webhook: str = Field(sa_type=_text(36), foreign_key="webhook.id", ondelete="CASCADE")
    seq: int = Field(sa_type=BigInteger)
    type: str = Field(sa_type=String(32))
    attempt: int
    at: str = Field(sa_type=_text(INSTANT), index=True)
    duration_ms: int
    status: int | None = None
    response: str | None = Field(default=None, sa_type=LongText)
    error: str | None = Field(default=None, sa_type=LongText)
    outcome: str = Field(sa_type=String(16))


def _limits(unit: Unit) -> tuple[int, int]:
    if unit is Unit.CHANGE:
        return -LARGEST, LARGEST
    return 0, LARGEST_DECIMAL if unit.is_decimal else LARGEST


def _checks(key: str) -> list[CheckConstraint]:
    """Return a CHECK per line: every cell within the limits of its unit.

    What a later edition adds to a line has a CHECK of its own: Alembic knows them by their names.
    """
    checks: dict[str, str] = {}
    seen: set[str] = set()
    for form in FORMS:
        lines: dict[str, list[str]] = {}
        for cell in form.table[key].cells if key in form.table else ():
            if cell.name not in seen:
                least, most = _limits(cell.column.unit)
                within = f"{cell.name} BETWEEN {least} AND {most}"
                lines.setdefault(cell.line.key, []).append(within)
                seen.add(cell.name)
        for line, parts in lines.items():
            checks[line if line not in checks else f"{line}_{form.key}"] = " AND ".join(parts)
    return [CheckConstraint(text, name=name) for name, text in checks.items()]


def _bits(form: Form, key: str, prefix: str = "") -> str:
    return "|".join(f"{prefix}{cell.name}" for cell in form.table[key].cells)


def any_cell(form: Form, key: str, of: Any = None) -> Any:
    """Return the bits of all cells of a form in one: 0 if all are 0, NULL if one is NULL.

    `of` is the table, if the statement has others.
    """
    prefix = "" if of is None else f"{of.name}."
    return literal_column(f"({_bits(form, key, prefix)})", BigInteger)


def has_figures(form: Form, key: str) -> Any:
    """Tell of a row whether it is on a form and there is anything in it but zeros.

    In the words of its index, which both databases understand.
    """
    last = last_year(form)
    years = f"year >= {form.first_year}" + (f" AND year <= {last}" if last is not None else "")
    return text(f"{years} AND NOT nil AND coalesce({_bits(form, key)}, 1) <> 0")


def _figures(key: str) -> list[Index]:
    """Return an index for each form of the rows that add anything to a sum: mostly few."""
    found = []
    for form in FORMS:
        if key in form.table:
            last = last_year(form)
            years = f"from_{form.first_year}" if last is None else f"{form.first_year}_to_{last}"
            where = has_figures(form, key)
            options = {"sqlite_where": where, "postgresql_where": where}
            found.append(Index(f"figures_{years}_{key}", "year", "agency", **options))
    return found


def _filing_model(key: str) -> Any:
    class OfReport(_Row):
        __tablename__ = f"filing_{key}"
        __table_args__ = (_of_report(), *_checks(key), *_figures(key))

        agency: str = _code(primary_key=True)
        year: int = Field(primary_key=True)
        nil: bool
        not_applicable: str | None = Field(default=None, sa_type=LongText)
        remarks: str | None = Field(default=None, sa_type=LongText)
        revision: int
        updated_at: str = Field(sa_type=_text(INSTANT))

    members: dict[str, Any] = {
        name: (str | None, Field(default=None, sa_type=String(16))) for name in choices_of(key)
    } | {name: (int | None, Field(default=None, sa_type=BigInteger)) for name in cells_of(key)}
    return create_model(
        f"Filing{key.title()}",
        __base__=OfReport,
        __module__=__name__,
        __cls_kwargs__={"table": True},
        **members,
    )


FILINGS: dict[str, Any] = {key: _filing_model(key) for key in TABLE_KEYS}
"""The database table of each statistical table."""


LAYERED = (
    "report",
    "report_revision",
    "derived_document",
    "derived_finding",
    *(f"filing_{key}" for key in TABLE_KEYS),
)
"""The tables that there are twice: of what is worked on, and of what is published."""
PUBLISHED = "published_"
