"""Files: replies that are not JSON, whole or made while they are sent."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from fastapi import APIRouter
from isal import isal_zlib
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api.context import HEAD
from app.api.documentation import problems
from app.api.replies import negotiate, takes_gzip
from app.api.routing import Direct, router

MEDIA_TYPES = {
    "ndjson": "application/x-ndjson",
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}
"""The media types of files, by what their addresses end in."""
_TEXTS = {"ndjson", "csv"}


class Download(Direct):
    """A route whose reply is a file, of the type that its address ends in."""

    def refuse_others(self, request: Request) -> None:
        """Refuse a client that does not take the file's type."""
        negotiate(request, MEDIA_TYPES[request.url.path.rpartition(".")[2]])


def downloads(tag: str, prefix: str) -> APIRouter:
    """Return a router for the files of one tag."""
    return router(tag, prefix, Download, Response)


def contents(suffix: str, description: str) -> dict[str, Any]:
    """Describe the contents of a file."""
    schema = {"type": "string", "description": description}
    if suffix not in _TEXTS:
        schema |= {"format": "binary", "contentMediaType": MEDIA_TYPES[suffix]}
    return {MEDIA_TYPES[suffix]: {"schema": schema}}


def exported(suffix: str, summary: str, text: str, **more: Any) -> dict[str, Any]:
    """Describe the export of a file, and `more` of its reply."""
    return {
        "summary": summary,
        "response_model": None,
        "responses": {
            200: {"description": "OK", "content": contents(suffix, text), **more},
            **problems(406, 422, 503),
        },
    }


def disposition(name: str) -> dict[str, str]:
    """Return the header that names a file."""
    return {"Content-Disposition": f'attachment; filename="{name}"'}


def zips_for(request: Request, headers: dict[str, str]) -> bool:
    """Tell whether to gzip a text for the client, and say so in the headers."""
    headers["Vary"] = "Accept-Encoding"
    zips = takes_gzip(request)
    if zips:
        headers["Content-Encoding"] = "gzip"
    return zips


Chunks = AsyncGenerator[bytes, None]


async def zipped(chunks: Chunks) -> Chunks:
    """Gzip a text as it is made."""
    packer = isal_zlib.compressobj(1, isal_zlib.DEFLATED, 31)
    async for chunk in chunks:
        yield await asyncio.to_thread(packer.compress, chunk)
    yield packer.flush()


class Stream(Response):
    """A reply whose body is made chunk by chunk, as fast as the client takes it.

    Nothing is made while a chunk waits to be sent, nor for a client that has hung up.
    """

    def __init__(self, chunks: Chunks, headers: Mapping[str, str], media_type: str) -> None:
        self._chunks = chunks
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the body; of a HEAD, nothing."""
        request = Request(scope, receive)
        start = {"status": self.status_code, "headers": self.raw_headers}
        async with aclosing(self._chunks) as chunks:
            await send({"type": "http.response.start", **start})
            if HEAD not in scope:
                async for chunk in chunks:
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                    if await request.is_disconnected():
                        return
            await send({"type": "http.response.body", "body": b""})
