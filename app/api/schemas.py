"""What requests and replies look like: derived from the forms, checked strictly.

The models of requests accept, unread, what replies show of the same resource, so that what was read
can be written back. Cells are checked by pydantic's core alone, and are then taken from the body.
"""

import re
from datetime import date
from functools import cache
from typing import Annotated, Any, Literal, Union

from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    TypeAdapter,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    create_model,
)
from pydantic_core import PydanticCustomError, core_schema

from app.domain import codes, decimals
from app.domain.calendar import LAST_YEAR
from app.domain.findings import Severity
from app.domain.layout import LARGEST, Form, Label, Table, Unit
from app.domain.report import LONGEST_PROSE, Kind, Level
from app.domain.rules import catalogue
from app.forms import FORMS, form_of
from app.services.reporting import time_of

_CONTROL = r"\u0000-\u0008\u000b-\u001f\u007f-\u009f"
BAD_TEXT = re.compile(f"[{_CONTROL}\ud800-\udfff]")
"""What no text may have in it."""


class _Fault:
    """Give one code to whatever is wrong with a value."""

    def __init__(self, code: str, **values: Any) -> None:
        self._code, self._values = code, values

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.custom_error_schema(
            handler(source),
            custom_error_type=f"gongkai.{self._code}",
            custom_error_message=self._code,
            custom_error_context=self._values,
        )


def _text(value: str) -> str:
    if BAD_TEXT.search(value):
        raise PydanticCustomError("gongkai.bad-text", "bad-text")
    return value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise PydanticCustomError("gongkai.empty", "empty")
    return value


def _long(limit: int) -> Any:
    return Annotated[
        str,
        Field(strict=True, max_length=limit, json_schema_extra={"pattern": f"^[^{_CONTROL}]*$"}),
        AfterValidator(_text),
    ]


Prose = _long(LONGEST_PROSE)
Remark = _long(2_000)
Name = Annotated[_long(200), AfterValidator(_not_blank), Field(json_schema_extra={"minLength": 1})]


def _date(value: str) -> str:
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            date.fromisoformat(value)
            return value
    except ValueError:
        pass
    raise PydanticCustomError("gongkai.not-a-date", "not-a-date")


Date = Annotated[str, AfterValidator(_date), WithJsonSchema({"type": "string", "format": "date"})]
Instant = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]


def instant(value: str) -> str:
    """Return an RFC 3339 time in UTC, as it is stored."""
    try:
        return time_of(value)
    except (ValueError, OverflowError):
        raise PydanticCustomError("gongkai.not-a-time", "not-a-time") from None


_HTTP_URL = TypeAdapter(AnyHttpUrl)


def _url(value: str) -> str:
    if any(map(str.isspace, value)):  # which pydantic leaves out
        raise PydanticCustomError("gongkai.not-a-url", "not-a-url")
    try:
        _HTTP_URL.validate_python(value)
    except ValueError:
        raise PydanticCustomError("gongkai.not-a-url", "not-a-url") from None
    return value


Url = Annotated[
    _long(2_000),
    AfterValidator(_url),
    WithJsonSchema({"type": "string", "format": "uri", "pattern": "^https?://", "maxLength": 2000}),
]


def _shaped(pattern: str, code: str) -> Any:
    return Annotated[str, Field(strict=True, pattern=pattern), _Fault(code)]


def number(least: int, most: int, **options: Any) -> Any:
    """Return the type of a whole number within bounds."""
    field = Field(strict=True, ge=least, le=most, **options)
    return Annotated[int, field, _Fault("out-of-range", least=least, most=most)]


Code = _shaped(codes.CODE_PATTERN, "bad-code")
Uscc = _shaped(codes.USCC_PATTERN, "bad-uscc")
Division = _shaped(codes.DIVISION_PATTERN, "bad-division")
Flag = Annotated[bool, Field(strict=True)]
Year = Annotated[int, Field(strict=True, ge=1000, le=LAST_YEAR), _Fault("not-a-year")]
YearText = Annotated[int, Field(ge=1000, le=9999), _Fault("not-a-year")]
"""A year in a query."""
NotApplicable = Literal["n/a"]
Count = Annotated[
    Annotated[int, Field(strict=True, ge=0, le=LARGEST)] | NotApplicable | None,
    _Fault("not-a-count"),
]
Change = Annotated[
    Annotated[int, Field(strict=True, ge=-LARGEST, le=LARGEST)] | NotApplicable | None,
    _Fault("not-a-change"),
]
Decimal = Annotated[
    Union[Annotated[str, Field(strict=True, pattern=decimals.PATTERN)], NotApplicable, None],  # noqa: UP007
    _Fault("not-a-decimal"),
]
_CELLS: dict[Unit, Any] = {
    Unit.COUNT: Count,
    Unit.CHANGE: Change,
    Unit.WAN_YUAN: Decimal,
    Unit.MONEY: Decimal,
}


derived: Any = create_model
"""pydantic's `create_model`; the types of derived members are not known to a type checker."""


class Strict(BaseModel):
    """A body: unknown members are refused."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=(), defer_build=True)


def build_bodies(kind: type[BaseModel] = Strict) -> None:
    """Build all models of bodies, which wait until they are asked for: FastAPI wants them built."""
    for each in kind.__subclasses__():
        each.model_config["defer_build"] = False
        each.model_rebuild()
        build_bodies(each)


class Shown(BaseModel):
    """A reply."""

    model_config = ConfigDict(protected_namespaces=(), defer_build=True)


ReadOnly: Any = Annotated[Any, Field(json_schema_extra={"readOnly": True})]
"""A member that a request may carry because a reply does; it is not read."""


def read_only(*names: str) -> dict[str, Any]:
    """Return members that are not read."""
    return dict.fromkeys(names, (ReadOnly, None))


class LabelOut(Shown):
    """A text in both languages."""

    zh: str
    en: str


class AgencyRef(Shown):
    """An agency, as replies name it."""

    code: Annotated[str, Field(examples=["321300"])]
    name: Annotated[str, Field(examples=["宿迁市人民政府"])]


class AgencyNamed(Strict):
    """An agency as replies name it; its name is not read."""

    code: Code
    name: Any = None


def _named_agency(value: Any, as_object: ValidatorFunctionWrapHandler) -> Any:
    """Accept a code, or the object that replies show."""
    if isinstance(value, dict):
        return as_object(value)
    if agency_code(value) is None:
        raise PydanticCustomError("gongkai.bad-code", "bad-code")
    return value


_CODE_SCHEMA = {"type": "string", "pattern": codes.CODE_PATTERN}
AgencyIn = Annotated[
    AgencyNamed,
    WrapValidator(_named_agency),
    WithJsonSchema(
        {
            "anyOf": [
                _CODE_SCHEMA,
                {
                    "type": "object",
                    "properties": {"code": _CODE_SCHEMA, "name": {"type": "string"}},
                    "required": ["code"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]


def agency_code(value: Any) -> str | None:
    """Return the code in what `AgencyIn` takes; None if there is none that is well-shaped."""
    code = value.get("code") if isinstance(value, dict) else value
    return code if isinstance(code, str) and codes.is_agency_code(code) else None


def year_number(value: Any) -> int | None:
    """Return what `Year` takes; None if it is nothing that is well-shaped."""
    return value if type(value) is int and 1000 <= value <= LAST_YEAR else None


def form_in(body: dict[str, Any]) -> Form | None:
    """Return the form of the year that a body names, if it names one."""
    year = year_number(body.get("year"))
    return form_of(year) if year is not None else None


class SuspectOut(Shown):
    """The one cell whose repair makes every identity of its table hold."""

    cell: str
    reported: int | NotApplicable
    would_balance_at: int


class OtherCell(Shown):
    """A cell of another report."""

    agency: AgencyRef | None
    year: int
    pointer: str


class FindingOut(Shown):
    """What a rule has to say."""

    id: Annotated[str, Field(description="Unique in a report and stable over recomputation.")]
    rule: str
    at: Annotated[str | None, Field(description="The line, column, cell or table that fails.")]
    severity: Literal["error", "warning", "info"]
    outcome: Literal["fail", "not_assessable"]
    table: str | None
    cells: Annotated[list[str], Field(description="JSON pointers into the report, in form order.")]
    other_cells: list[OtherCell]
    computed_cells: Annotated[
        list[str],
        Field(description="Totals that were left out and judged by their computed value."),
    ]
    left: Annotated[int | str | None, Field(description="The left side of the rule's formula.")]
    right: Annotated[int | str | None, Field(description="The right side of the rule's formula.")]
    difference: Annotated[int | str | None, Field(description="left − right")]
    suspects: list[SuspectOut]
    message: LabelOut
    basis: str


class Counts(Shown):
    """How many failures of each severity."""

    error: int
    warning: int
    info: int


class ProblemFault(Shown):
    """One thing that is wrong."""

    pointer: Annotated[str | None, Field(description="A member of the body, as a JSON pointer.")]
    code: str
    message: str
    parameter: Annotated[str | None, Field(description="A query or path parameter.")] = None
    line: Annotated[int | None, Field(description="The line of a file that was imported.")] = None
    place: Annotated[
        str | None, Field(description="The cell of a workbook.", examples=["requests!D7"])
    ] = None


class ProblemOut(Shown):
    """A problem (RFC 9457)."""

    type: Annotated[str, Field(examples=["/problems/invalid-body"])]
    title: str
    status: int
    detail: str
    instance: Annotated[str, Field(description="urn:uuid: of the request's id")]
    errors: list[ProblemFault]


def _label(label: Label) -> str:
    return f"{label.zh} / {label.en}"


def _camel(key: str) -> str:
    return "".join(part.capitalize() for part in key.split("_"))


def _name(table: Table, form: Form, what: str = "") -> str:
    return f"{_camel(table.key)}{what}{form.key}"


@cache
def data_model(form: Form, table: Table) -> type[BaseModel]:
    """Return the cells of a table: lines of columns, all of which may be left out."""
    line = derived(
        _name(table, form, "Line"),
        __base__=Strict,
        __doc__="The cells of a line; one that is left out is blank.",
        **{
            column.key: (
                _CELLS[column.unit],
                Field(
                    default=None,
                    title=_label(column.label),
                    json_schema_extra={"x-unit": column.unit.value},
                ),
            )
            for column in table.columns
        },
    )
    model: type[BaseModel] = derived(
        _name(table, form, "Data"),
        __base__=Strict,
        __doc__=f"{_label(table.title)} ({table.source.zh}).",
        **{
            each.key: (line | None, Field(default=None, title=_label(each.label)))
            for each in table.lines
        },
    )
    return model


_CLOSED = Field(json_schema_extra={"additionalProperties": False})


def _remark_keys(table: Table) -> str:
    lines = "|".join(line.key for line in table.lines)
    columns = "|".join(column.key for column in table.columns)
    return rf"^({lines})(\.({columns}))?$"


_TABLE_READ_ONLY = (
    "year",
    "form",
    "table",
    "totals",
    "totals_partial",
    "findings",
    "updated_at",
    "links",
)


@cache
def table_in(form: Form, table: Table) -> type[BaseModel]:
    """Return the body of a PUT of a table."""
    key = Annotated[str, Field(pattern=_remark_keys(table))]
    choices = {
        choice.key: (
            Literal[choice.values] | None,
            Field(default=None, title=_label(choice.label)),
        )
        for choice in table.choices
    }
    model: type[BaseModel] = derived(
        _name(table, form),
        __base__=Strict,
        __doc__=f"{_label(table.title)}: {form.source}, {table.source.zh}.",
        filing=(
            Literal["filed", "nil", "missing"] | None,
            Field(default=None, description="`filed` if left out; `nil` declares the table empty."),
        ),
        data=(data_model(form, table) | None, None),
        remarks=(
            Annotated[dict[key, Remark | None], _CLOSED] | None,
            Field(default=None, description="Text beside a cell, keyed `line.column` or `line`."),
        ),
        agency=(AgencyIn | None, None),
        **choices,
        **read_only(*_TABLE_READ_ONLY),
    )
    return model


def _cell_out(unit: Unit) -> Any:
    return Annotated[str | None, Field()] if unit.is_decimal else int | NotApplicable | None


@cache
def _data_out(form: Form, table: Table) -> type[BaseModel]:
    line = derived(
        _name(table, form, "LineOut"),
        __base__=Shown,
        **{
            c.key: (
                _cell_out(c.unit),
                Field(title=_label(c.label), json_schema_extra={"x-unit": c.unit.value}),
            )
            for c in table.columns
        },
    )
    model: type[BaseModel] = derived(
        _name(table, form, "DataOut"),
        __base__=Shown,
        **{each.key: (line, Field(title=_label(each.label))) for each in table.lines},
    )
    return model


@cache
def filed_out(form: Form, table: Table) -> dict[str, Any]:
    """Return the members of a table that was filed."""
    has_decimal_totals = any(cell.column.unit.is_decimal for cell in table.totals)
    total: Any = int | str | None if has_decimal_totals else int | None
    return {
        "filing": (Literal["filed", "nil"], ...),
        "data": (_data_out(form, table), ...),
        "totals": (
            dict[str, dict[str, total]],
            Field(description="Computed from `data`, never from what was reported as a total."),
        ),
        "totals_partial": (
            list[str],
            Field(description="Pointers of totals under which a cell is blank."),
        ),
        "remarks": (dict[str, str], ...),
        **{c.key: (Literal[c.values], Field(title=_label(c.label))) for c in table.choices},
    }


@cache
def table_out(form: Form, table: Table) -> type[BaseModel]:
    """Return a table as a resource of its own."""
    model: type[BaseModel] = derived(
        _name(table, form, "Table"),
        __base__=Shown,
        __doc__=f"{_label(table.title)}: {form.source}, {table.source.zh}.",
        agency=(AgencyRef, ...),
        year=(int, ...),
        form=(Literal[form.key], ...),
        table=(Literal[table.key], ...),
        **filed_out(form, table),
        findings=(list[FindingOut], Field(description="The failures that touch this table.")),
        updated_at=(Instant, ...),
        links=(dict[str, str], ...),
    )
    return model


class MissingTable(Shown):
    """A table that was not filed."""

    filing: Literal["missing"]
    data: None
    totals: None


def _prose(form: Form) -> dict[str, tuple[Any, str]]:
    return {
        "agency_name_reported": (Name, "The agency's name as the report prints it."),
        **{name: (Prose, _label(title)) for name, title in form.prose.items()},
        "submitted_on": (Date, "When the report was submitted to the superior."),
        "published_on": (Date, "When the report was published."),
        "published_url": (Url, "Where the report was published."),
    }


_REPORT_READ_ONLY = (
    "year",
    "form",
    "timeliness",
    "findings",
    "counts",
    "state",
    "correction",
    "created_at",
    "updated_at",
    "links",
    "etag",
    "filings",
)


def _prose_in(form: Form) -> dict[str, Any]:
    return {
        name: (kind | None, Field(default=None, title=title))
        for name, (kind, title) in _prose(form).items()
    }


@cache
def _tables_in(form: Form) -> type[BaseModel]:
    model: type[BaseModel] = derived(
        f"Tables{form.key}",
        __base__=Strict,
        __doc__=f"The tables of the form {form.source}; one that is left out is missing.",
        **{
            t.key: (table_in(form, t) | None, Field(default=None, title=_label(t.title)))
            for t in form.tables
        },
    )
    return model


@cache
def report_in(form: Form) -> type[BaseModel]:
    """Return the body of a PUT of a report."""
    model: type[BaseModel] = derived(
        f"Report{form.key}",
        __base__=Strict,
        __doc__=f"An annual report on the form {form.source}.",
        agency=(AgencyIn | None, None),
        **_prose_in(form),
        tables=(_tables_in(form) | None, None),
        **read_only(*_REPORT_READ_ONLY),
    )
    return model


@cache
def new_report(form: Form) -> type[BaseModel]:
    """Return the body of a POST of a report, whose key is required."""
    model: type[BaseModel] = derived(
        f"NewReport{form.key}",
        __base__=report_in(form),
        agency=(AgencyIn, ...),
        year=(Year, ...),
    )
    return model


_NoReport = Annotated[Any, WithJsonSchema({"type": "null"})]


@cache
def validation_in(form: Form, before: Form | None) -> type[BaseModel]:
    """Return the body of a validation on a form, after a year of another form."""
    previous: Any = report_in(before) | None if before is not None else _NoReport
    model: type[BaseModel] = derived(
        f"Validation{form.key}" + (f"After{before.key}" if before else ""),
        __base__=report_in(form),
        year=(Year, ...),
        previous=(
            previous,
            Field(
                default=None,
                description="The report on the year before; null for none. If left out, the stored "
                "one of `agency` is used.",
            ),
        ),
    )
    return model


def report_members(form: Form, agency: Any) -> dict[str, Any]:
    """Return the members of a report, stored or not."""
    tables = derived(
        f"Tables{form.key}Out",
        __base__=Shown,
        **{
            t.key: (
                derived(_name(t, form, "Filed"), __base__=Shown, **filed_out(form, t))
                | MissingTable,
                Field(title=_label(t.title)),
            )
            for t in form.tables
        },
    )
    return {
        "agency": (agency, ...),
        "agency_name_reported": (str | None, ...),
        "year": (int, ...),
        "form": (Literal[form.key], ...),
        **{
            name: (str | None, Field(title=title))
            for name, (_, title) in _prose(form).items()
            if name != "agency_name_reported"
        },
        "timeliness": (
            Literal["on_time", "late"] | None,
            Field(description="By the last known of the two dates; null where neither is known."),
        ),
        "tables": (tables, ...),
        "findings": (list[FindingOut], Field(description="All failures, in catalogue order.")),
        "counts": (Counts, ...),
    }


class ReportLinks(Shown):
    """Where to go from a report."""

    self: str
    agency: str
    previous: str | None
    next: str | None
    findings: str


ReportState = Literal["draft", "submitted", "returned", "accepted", "published"]

_STORED: dict[str, Any] = {
    "state": (ReportState, Field(description="Where its filing stands.")),
    "correction": (
        str | None,
        Field(description="Why it was last corrected after it had been published."),
    ),
    "created_at": (Instant, ...),
    "updated_at": (Instant, ...),
    "links": (ReportLinks, ...),
}


@cache
def report_out(form: Form) -> type[BaseModel]:
    """Return a stored report."""
    members = report_members(form, AgencyRef)
    name = f"StoredReport{form.key}"
    model: type[BaseModel] = derived(name, __base__=Shown, **members, **_STORED)
    return model


@cache
def validation_out(form: Form) -> type[BaseModel]:
    """Return a report that was checked and not stored."""
    members = report_members(form, AgencyRef | None)
    model: type[BaseModel] = derived(f"CheckedReport{form.key}", __base__=Shown, **members)
    return model


class ReportSummary(Shown):
    """A report in a list."""

    agency: AgencyRef
    agency_name_reported: str | None
    year: int
    form: str
    submitted_on: str | None
    published_on: str | None
    published_url: str | None
    timeliness: Literal["on_time", "late"] | None
    counts: Counts
    filings: dict[str, Literal["filed", "nil", "missing"]]
    etag: str
    state: ReportState
    correction: str | None
    created_at: Instant
    updated_at: Instant
    links: ReportLinks


class ListedFinding(FindingOut):
    """A failure, with the report that it is in."""

    agency: AgencyRef
    year: int


def any_of(models: list[Any]) -> Any:
    """Return the union of models, one for each edition of the form."""
    return Union[tuple(models)]  # noqa: UP007


ReportIn = any_of([report_in(form) for form in FORMS])
ReportOut = any_of([report_out(form) for form in FORMS])


def table_bodies(key: str) -> Any:
    """Return what a PUT of a table takes in any year."""
    return any_of([table_in(form, form.table[key]) for form in FORMS if key in form.table])


def table_replies(key: str) -> Any:
    """Return what a table looks like in any year."""
    return any_of([table_out(form, form.table[key]) for form in FORMS if key in form.table])


KindName = Literal[tuple(kind.value for kind in Kind)]
LevelName = Literal[tuple(level.value for level in Level)]
RuleId = Literal[tuple(catalogue(FORMS))]
SeverityName = Literal[tuple(severity.value for severity in Severity)]
Outcomes = Literal["fail", "all"]


def page_of(item: Any, name: str) -> type[BaseModel]:
    """Return a page of a list."""
    model: type[BaseModel] = derived(
        name,
        __base__=Shown,
        items=(list[item], ...),
        next=(str | None, Field(description="The cursor of the next page; null on the last.")),
        total=(int, Field(default=0, description="With `count=true`: how many in all.")),
    )
    return model


ReportPage = page_of(ReportSummary, "ReportPage")
