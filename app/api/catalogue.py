"""The forms and the rules, served from the values that everything else derives from."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from app.api import queries, schemas
from app.api.documentation import lists, reads
from app.api.paths import FormKey
from app.api.queries import ShortQuery
from app.api.replies import reply
from app.api.routing import router
from app.domain.layout import Column, Form, Label, Line, Section, Table
from app.domain.rule import Rule
from app.domain.rules import catalogue
from app.errors import NotFound
from app.forms import FORM_BY_KEY, FORMS, last_year
from app.services import encoding

routes = router("forms", "/v1/forms")
rules = router("rules", "/v1/rules")


class PartOut(schemas.Shown):
    """A line or a column as printed."""

    key: str
    label: schemas.LabelOut
    headings: list[schemas.LabelOut]
    total_of: Annotated[list[str], Field(description="The keys that a total adds up.")]


class LineOut(PartOut):
    """A line."""

    article: Annotated[str | None, Field(description="The article of the Regulations, 条例.")]


class ColumnOut(PartOut):
    """A column, and what its cells are."""

    unit: str
    value: Literal["integer", "decimal"]
    may_be_negative: bool


class MemberOut(schemas.Shown):
    """A member that a table has beside its cells."""

    key: str
    label: schemas.LabelOut
    values: list[str]
    default: str


class FormTableOut(schemas.Shown):
    """A statistical table of a form."""

    key: str
    title: schemas.LabelOut
    source: schemas.LabelOut
    lines: list[LineOut]
    columns: list[ColumnOut]
    members: list[MemberOut]


class SectionOut(schemas.Shown):
    """A section of the report as it is printed: a member of prose, or tables."""

    title: schemas.LabelOut
    prose: Annotated[str | None, Field(description="The member of a report with its text.")]
    tables: Annotated[list[str], Field(description="Keys of its tables, as printed.")]


class FormOut(schemas.Shown):
    """An edition of the form."""

    key: str
    title: schemas.LabelOut
    source: str
    first_year: int
    last_year: int | None
    sections: list[SectionOut]
    tables: list[FormTableOut]
    links: dict[str, str]


class RuleOut(schemas.Shown):
    """A rule of the catalogue."""

    id: str
    severity: Literal["error", "warning", "info"]
    table: str | None
    forms: list[str]
    formula: str
    basis: str
    text: schemas.LabelOut


_VALUES = {"count": "integer", "change": "integer", "wan_yuan": "decimal", "money": "decimal"}


def _label(label: Label) -> dict[str, str]:
    return {"zh": label.zh, "en": label.en}


def _printed(part: Line | Column) -> dict[str, Any]:
    return {
        "key": part.key,
        "label": _label(part.label),
        "headings": [_label(heading) for heading in part.headings],
        "total_of": list(part.parts),
    }


def _table(table: Table) -> dict[str, Any]:
    return {
        "key": table.key,
        "title": _label(table.title),
        "source": _label(table.source),
        "lines": [{**_printed(line), "article": line.article} for line in table.lines],
        "columns": [
            {
                **_printed(column),
                "unit": column.unit.value,
                "value": _VALUES[column.unit],
                "may_be_negative": column.unit.value == "change",
            }
            for column in table.columns
        ],
        "members": [
            {
                "key": choice.key,
                "label": _label(choice.label),
                "values": list(choice.values),
                "default": choice.default,
            }
            for choice in table.choices
        ],
    }


def _section(section: Section) -> dict[str, Any]:
    return {
        "title": _label(section.title),
        "prose": section.prose,
        "tables": [table.key for table in section.tables],
    }


def _form(form: Form) -> dict[str, Any]:
    return {
        "key": form.key,
        "title": _label(form.title),
        "source": form.source,
        "first_year": form.first_year,
        "last_year": last_year(form),
        "sections": [_section(section) for section in form.sections],
        "tables": [_table(table) for table in form.tables],
        "links": {"self": f"/v1/forms/{form.key}"},
    }


def _rule(rule: Rule, forms: list[Form]) -> dict[str, Any]:
    return {
        "id": rule.id,
        "severity": rule.severity.value,
        "table": rule.table,
        "forms": [form.key for form in forms],
        "formula": rule.formula,
        "basis": rule.basis or "；".join(form.source for form in forms),
        "text": _label(rule.text),
    }


_FORMS = {form.key: encoding.encoded(_form(form)) for form in FORMS}
_RULES = {id_: encoding.encoded(_rule(*found)) for id_, found in catalogue(FORMS).items()}


def listed(request: Request, items: Mapping[str, bytes]) -> Response:
    """Answer with a page of what never changes."""
    body = queries.short(request, ShortQuery).page(items)
    return reply(request, encoding.etag(1, body), body=body)


@routes.get("", **lists(schemas.page_of(FormOut, "FormPage"), "List forms / 列出格式"))
async def list_forms(request: Request, query: Annotated[ShortQuery, Query()]) -> Response:
    """Return every edition of the form: sections, tables, lines, columns; keys and labels."""
    return listed(request, _FORMS)


@routes.get("/{form}", **reads(FormOut, "Read a form / 读取格式"))
async def get_form(request: Request, form: FormKey) -> Response:
    """Return one edition of the form."""
    if form not in FORM_BY_KEY:
        raise NotFound("form-not-found", form=form)
    body = _FORMS[form]
    return reply(request, encoding.etag(1, body), body=body)


@rules.get(
    "",
    **lists(schemas.page_of(RuleOut, "RulePage"), "List rules / 列出核查规则"),
)
async def list_rules(request: Request, query: Annotated[ShortQuery, Query()]) -> Response:
    """Return the catalogue of rules, in the order of findings."""
    return listed(request, _RULES)
