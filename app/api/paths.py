"""What the path of a request names, and why it is not there."""

import re
from functools import partial
from typing import Annotated, Any

from fastapi import Path
from sqlalchemy import Connection
from starlette.requests import Request

from app.api import bodies
from app.api.replies import require
from app.api.routing import database
from app.domain.calendar import LAST_YEAR
from app.domain.codes import CODE_PATTERN, is_agency_code
from app.errors import AppError, Fault, Invalid, NotFound
from app.forms import form_of
from app.storage import agencies, years

_YEAR_PATTERN = r"^[1-9][0-9]{3}$"
_IS_NUMBER = re.compile(r"0|[1-9][0-9]{0,14}").fullmatch


def _agency(example: str) -> Any:
    return Path(description="The agency's code.", examples=[example], pattern=CODE_PATTERN)


def _year(example: str) -> Any:
    return Path(description="The reporting year.", examples=[example], pattern=_YEAR_PATTERN)


AgencyCode = Annotated[str, _agency("321300")]
YearPath = Annotated[str, _year("2024")]
FormKey = Annotated[str, Path(description="The form's key.", examples=["2021"])]


def exemplified(agency: str, year: str) -> tuple[Any, Any]:
    """Return `AgencyCode` and `YearPath` with other examples."""
    return Annotated[str, _agency(agency)], Annotated[str, _year(year)]


def number_in(path: str, least: int, most: int) -> int | None:
    """Return the number that a path names; None if it is none within these bounds."""
    number = int(path) if _IS_NUMBER(path) else None
    return number if number is not None and least <= number <= most else None


def year_in(path: str) -> int | None:
    """Return the year that a path names; None if it has not the shape of one."""
    return number_in(path, 1000, LAST_YEAR)


def refuse(request: Request, sent: bytes, faults: list[Fault]) -> None:
    """Raise `Invalid` for a key that cannot be made; conditions and malformed bodies come first."""
    if faults:
        require(request, None, str)
        bodies.parse(sent)
        raise Invalid(faults, "invalid-parameter")


def key_in(request: Request, agency: str, year: str, sent: bytes | None = None) -> tuple[str, int]:
    """Return the key that a path names. `sent` is the body that would be put there.

    A wrongly shaped key is not found, and cannot be made.
    """
    number = year_in(year)
    if sent is not None:
        faults = []
        if not is_agency_code(agency):
            faults.append(Fault(None, "bad-code", parameter="agency"))
        if number is None:
            faults.append(Fault(None, "not-a-year", parameter="year"))
        refuse(request, sent, faults)
    if not is_agency_code(agency):
        raise NotFound("agency-not-found", agency=agency)
    if number is None:
        raise NotFound("reporting-year-not-found", year=year)
    return agency, number


def why_absent(connection: Connection, agency: str, year: int) -> AppError:
    """Return why there is no report at a path."""
    if not agencies.exists(connection, agency):
        return NotFound("agency-not-found", agency=agency)
    if years.read(connection, year) is None:
        return NotFound("reporting-year-not-found", year=year)
    return NotFound("report-not-found", agency=agency, year=year)


async def absent(request: Request, agency: str, year: int) -> AppError:
    """Find out why there is no report at a path."""
    return await database(request).use(partial(why_absent, agency=agency, year=year))


def not_in_form(year: int, table: str) -> NotFound:
    """Return that a year's form has no such table."""
    form = form_of(year)
    return NotFound("table-not-in-form", year=year, form=form.key if form else "", table=table)
