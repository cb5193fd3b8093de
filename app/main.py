"""The application: `create_app()` puts the parts together."""

import asyncio
import gc
import multiprocessing
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import cache
from importlib.metadata import version

import structlog
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from app import logs
from app.api import (
    agencies,
    audit,
    catalogue,
    changes,
    comparisons,
    completeness,
    decisions,
    digests,
    exports,
    files,
    findings,
    imports,
    keys,
    periods,
    reports,
    rollups,
    series,
    statistics,
    successions,
    system,
    tables,
    templates,
    transitions,
    validations,
    webhooks,
    years,
)
from app.api import (
    revisions as report_revisions,
)
from app.api.context import path_of
from app.api.cors import Origins
from app.api.dispatch import Dispatch
from app.api.limits import Limits
from app.api.middleware import Edge
from app.api.problems import problem, response_to
from app.api.replies import FEED_POSITION
from app.api.routing import Direct
from app.api.watching import Watcher, told_to_stop
from app.errors import AppError
from app.services import retaining
from app.services.background import Importer
from app.services.callers import Callers
from app.services.delivering import Dispatcher
from app.services.shelf import Pages, Shelf
from app.settings import Settings
from app.storage import revisions
from app.storage.database import Database, map_classes

log = structlog.get_logger("gongkai")

_ROUTERS = (
    reports.routes,
    tables.routes,
    findings.routes,
    transitions.routes,
    decisions.routes,
    report_revisions.routes,
    comparisons.routes,
    series.routes,
    statistics.routes,
    statistics.measures,
    validations.routes,
    agencies.routes,
    periods.routes,
    successions.routes,
    rollups.routes,
    years.routes,
    imports.routes,
    completeness.routes,
    catalogue.routes,
    catalogue.rules,
    templates.routes,
    exports.routes,
    changes.routes,
    digests.routes,
    webhooks.routes,
    keys.routes,
    audit.files,
    audit.routes,
    system.routes,
)


class Service(FastAPI):
    """FastAPI without its own layers around each request: ours do what they would."""

    front: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or the lifespan."""
        if scope["type"] == "http":
            scope["app"] = self
            await self.front(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(settings: Settings | None = None) -> Service:
    """Return the application; its database is opened when it starts."""
    chosen = settings or Settings()
    logs.configure(chosen)
    app = Service(
        title="Gongkai 公开",
        summary="政府信息公开工作年度报告统计登记库",
        version=version("gongkai"),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # ours: /metrics, structlog
    )
    app.state.settings = chosen
    app.state.keys_under_way = set()
    app.state.limits = Limits(chosen)
    for router in _ROUTERS:
        # Not include_router: a tree of routers costs every request.
        app.router.routes.extend(router.routes)
    app.router.routes.append(Mount("/static", system.STATIC))
    app.webhooks.routes.extend(webhooks.messages.routes)
    app.add_exception_handler(AppError, _app_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.front = _front(app, chosen)
    return app


def _front(app: "Service", settings: Settings) -> ASGIApp:
    """Return what serves requests: operations as they are, all else by the framework's router."""
    others = ExceptionMiddleware(app.router, handlers=app.exception_handlers)
    edge = Edge(Dispatch(app.router.routes), others, access_log=settings.access_log)
    if not settings.cors_origins:
        return edge
    return Origins(
        edge,
        allow_origins=settings.cors_origins,
        allow_methods=["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"],
        allow_headers=[
            "Authorization",
            "Content-Type",
            "Content-Encoding",
            "If-Match",
            "If-None-Match",
            "Idempotency-Key",
            "Last-Event-ID",
            "Prefer",
        ],
        expose_headers=[
            "ETag",
            "Location",
            "Content-Location",
            "Retry-After",
            "RateLimit",
            "RateLimit-Policy",
            "WWW-Authenticate",
            "X-Request-ID",
            "Allow",
            "Accept-Patch",
            FEED_POSITION,
            "Content-Disposition",
            "Idempotent-Replayed",
            "Preference-Applied",
        ],
    )


@cache
def _keep_what_is_loaded() -> None:
    """Let the collector of garbage pass over schemas and statements, which stay; once a process."""
    gc.collect()
    gc.freeze()


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.head = revisions.head()
    app.state.database = Database(app.state.settings)
    _keep_what_is_loaded()
    app.state.callers = Callers(app.state.database, app.state.settings)
    app.state.described = None
    app.state.shelf = Shelf(app.state.database)
    app.state.pages = Pages()
    app.state.importer = Importer(app.state.database, app.state.settings, files.read)
    app.state.dispatcher = Dispatcher(app.state.database, app.state.settings)
    log.info("started", database=app.state.settings.shown_database)
    asyncio.get_running_loop().run_in_executor(None, map_classes)  # or the first writer waits
    _end_with_supervisor()
    try:
        async with following(app):
            yield
    finally:
        await app.state.dispatcher.stop()
        await app.state.importer.stop()
        await app.state.callers.settle()
        app.state.database.close()
        log.info("stopped")


def _end_with_supervisor() -> None:
    """Stop if what supervises the workers was killed: nobody else would stop or replace them."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        loop, sentinel = asyncio.get_running_loop(), parent.sentinel

        def end() -> None:
            loop.remove_reader(sentinel)
            signal.raise_signal(signal.SIGTERM)

        loop.add_reader(sentinel, end)


@asynccontextmanager
async def following(app: FastAPI) -> AsyncIterator[None]:
    """Let clients follow the feed, and forget its oldest changes, while the service runs."""
    watcher = app.state.watcher = Watcher(app.state.database)
    kept = app.state.settings
    forgetting = asyncio.create_task(
        retaining.keep_forgetting(
            app.state.database, kept.feed_retention_days, kept.audit_retention_days
        )
    )
    try:
        with told_to_stop(watcher.end):
            yield
    finally:
        watcher.end()
        forgetting.cancel()
        with suppress(asyncio.CancelledError):
            await forgetting


async def _app_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, AppError)
    return response_to(request, error)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        values, headers = {"method": request.method}, {"Allow": ", ".join(_allowed(request))}
        return problem(request, "method-not-allowed", values=values, headers=headers)
    return problem(request, "not-found", values={"path": request.url.path})


def _allowed(request: Request) -> list[str]:
    """Return every method of the path: the router knows only those of the first route it met."""
    allowed: set[str] = set()
    path = path_of(request.scope)
    for route in request.app.routes:
        if isinstance(route, Direct) and route.path_regex.match(path):
            allowed |= route.methods or set()
    return sorted(allowed or {"GET", "HEAD"})  # no route is left within a folder of files
