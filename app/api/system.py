"""What keeps the service running and explained: health, metrics, docs, problem pages."""

import asyncio
import html
import json
import os
import pathlib
from typing import Annotated

from fastapi import FastAPI, Path
from fastapi.openapi.docs import get_swagger_ui_html
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.staticfiles import StaticFiles

from app.api import openapi
from app.api.context import root_of
from app.api.documentation import RETRY_AFTER, example, problems
from app.api.middleware import failure
from app.api.problems import language_of, spoken
from app.api.replies import reply
from app.api.routing import database, router
from app.api.schemas import build_bodies
from app.api.security import PAGE_POLICY, docs_policy
from app.api.texts import PROBLEMS
from app.errors import NotFound
from app.services import encoding
from app.storage import revisions
from app.storage.database import require_its_file

routes = router("system")
STATIC = StaticFiles(directory=pathlib.Path(__file__).parents[1] / "static")


def _json(value: object, status: int = 200) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(encoding.encoded(value), status, headers, media_type="application/json")


@routes.get("/healthz", summary="Is the process alive? / 进程是否存活", response_model=None)
async def healthz(request: Request) -> Response:
    """Answer without touching the database, and tell how its replica is, if it has one."""
    replica = request.app.state.database.replica
    more = {} if replica is None else {"replica": replica}
    return _json({"status": "ok", "version": request.app.version, **more})


@routes.get(
    "/readyz",
    summary="Can it serve? / 是否可以服务",
    response_model=None,
    responses={
        503: {
            "description": "The database is away (a problem), or not migrated, or the process ends",
            "headers": RETRY_AFTER,
            "content": {
                "application/json": {"schema": {}},
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemOut"}},
            },
        }
    },
)
async def readyz(request: Request) -> Response:
    """Answer 200 if the database can be reached and has the newest tables, and 503 if not.

    503, too, once the process was told to end: no further requests should be sent to it.
    """
    if request.app.state.watcher.is_over:
        return _json({"status": "draining"}, 503)
    try:
        current = await database(request).exact(_current)
    except SQLAlchemyError as error:
        return failure(request, error)
    head = request.app.state.head
    ready = current == head
    body = {"status": "ok" if ready else "not migrated", "revision": current, "expected": head}
    return _json(body, 200 if ready else 503)


def _current(connection: Connection) -> str | None:
    require_its_file(connection)
    return revisions.current(connection)


@routes.get(
    "/metrics",
    summary="Metrics for Prometheus / 监控指标",
    response_model=None,
    response_class=PlainTextResponse,
)
async def metrics(request: Request) -> Response:
    """Return counts and times of requests; of all workers together."""
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


@routes.get("/docs", include_in_schema=False)
async def docs(request: Request) -> Response:
    """Return the page on which the API can be explored; it needs no internet."""
    root = root_of(request.scope)
    assets = f"{root}/static/swagger-ui"
    page = get_swagger_ui_html(
        openapi_url=f"{root}/openapi.json",
        title=f"{request.app.title} — API",
        swagger_js_url=f"{assets}/swagger-ui-bundle.js",
        swagger_css_url=f"{assets}/swagger-ui.css",
        swagger_favicon_url=f"{assets}/favicon-32x32.png",
        swagger_ui_parameters={
            "docExpansion": "list",
            "defaultModelsExpandDepth": 0,
            "displayRequestDuration": True,
            "filter": True,
            "tryItOutEnabled": True,
            "validatorUrl": None,
        },
    )
    page.headers["Content-Security-Policy"] = docs_policy(bytes(page.body))
    return page


async def _described(app: FastAPI) -> bytes:
    """Make the document on a thread: it takes a second or two, in which others are served.

    The models that requests are read by are built before: they are not to be built in two places.
    """
    build_bodies()
    return await asyncio.to_thread(lambda: encoding.encoded(openapi.document(app)))


@routes.get("/openapi.json", include_in_schema=False)
async def openapi_json(request: Request) -> Response:
    """Return the OpenAPI document."""
    state = request.app.state
    if state.described is None or (state.described.done() and state.described.exception()):
        state.described = asyncio.create_task(_described(request.app))
    body = await asyncio.shield(state.described)
    return reply(request, encoding.etag(1, body), body=body)


@routes.get("/", include_in_schema=False)
async def index(request: Request) -> Response:
    """Say where things are."""
    root = root_of(request.scope)
    links = {
        "docs": "/docs",
        "openapi": "/openapi.json",
        "forms": "/v1/forms",
        "rules": "/v1/rules",
    }
    return _json(
        {
            "name": "Gongkai 公开",
            "version": request.app.version,
            "links": {name: root + path for name, path in links.items()},
        }
    )


_PAGE = """<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width">
<style>body{{font:16px/1.6 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}}
code,pre{{background:#f4f4f4;padding:.1em .3em}}pre{{padding:1em;overflow:auto}}</style></head>
<body><p><code>{status} {slug}</code></p><h1>{title}</h1>
<h2>{cause_head}</h2><p>{cause}</p><h2>{example_head}</h2><pre>{example}</pre>
<h2>{cure_head}</h2><p>{cure}</p></body></html>
"""
_HEADS = {"zh": ("原因", "示例", "处理办法"), "en": ("Cause", "Example", "Cure")}


@routes.get(
    "/problems/{slug}",
    summary="What a problem means / 错误说明",
    response_model=None,
    response_class=HTMLResponse,
    responses=problems(404),
)
async def get_problem(
    request: Request, slug: Annotated[str, Path(examples=["report-locked"])]
) -> Response:
    """Explain a type of problem: its cause, an example, its cure."""
    if slug not in PROBLEMS:
        raise NotFound("not-found", path=request.url.path)
    kind, lang = PROBLEMS[slug], language_of(request)
    heads = dict(zip(("cause_head", "example_head", "cure_head"), _HEADS[lang], strict=True))
    page = _PAGE.format(
        lang="en" if lang == "en" else "zh-CN",
        status=kind.status,
        slug=slug,
        title=html.escape(spoken(kind.title, lang)),
        cause=html.escape(spoken(kind.cause, lang)),
        cure=html.escape(spoken(kind.cure, lang)),
        example=html.escape(json.dumps(example(kind, lang), ensure_ascii=False, indent=2)),
        **heads,
    )
    headers = {"Vary": "Accept-Language", "Content-Security-Policy": PAGE_POLICY}
    return HTMLResponse(page, headers=headers)
