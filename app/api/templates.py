"""The workbook of each form, for filling in."""

import asyncio
from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from app.api.documentation import reads
from app.api.downloads import MEDIA_TYPES, contents, disposition, downloads
from app.api.paths import FormKey
from app.api.replies import reply
from app.documents import template, workbook
from app.errors import NotFound
from app.forms import FORM_BY_KEY
from app.services import encoding

routes = downloads("forms", "/v1/forms")


def _described() -> dict[str, Any]:
    described = reads(None, "Download the workbook of a form / 下载填报工作簿")
    found = described["responses"][200]
    del found["model"]
    found["content"] = contents("xlsx", "An XLSX workbook.")
    return described


@cache
def _workbook(form: str) -> tuple[str, bytes]:
    body = template.made(FORM_BY_KEY[form])
    return encoding.etag(workbook.VERSION, body), body


@routes.get("/{form}/template.xlsx", **_described())
async def get_template(request: Request, form: FormKey) -> Response:
    """Return a workbook to fill in: the cover, a sheet a table as printed, remarks.

    Formulas show at once what does not add up. `POST /v1/imports` takes the workbook back; a cell
    left empty is blank, `n/a` or 不适用 is not applicable.
    """
    if form not in FORM_BY_KEY:
        raise NotFound("form-not-found", form=form)
    etag, body = await asyncio.to_thread(_workbook, form)
    made = reply(request, etag, body=body, headers=disposition(f"gongkai-{form}.xlsx"))
    if made.status_code == 200:
        made.headers["content-type"] = MEDIA_TYPES["xlsx"]
    return made
