"""The application: `create_app()` puts the parts together."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

import structlog
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Mount

from app import logs
from app.api import (
    agencies,
    catalogue,
    completeness,
    findings,
    reports,
    rollups,
    system,
    tables,
    validations,
    years,
)
from app.api.dispatch import Dispatch
from app.api.middleware import Edge
from app.api.problems import problem, response_to
from app.errors import AppError
from app.settings import Settings
from app.storage import migrate
from app.storage.database import Database

log = structlog.get_logger("gongkai")

_ROUTERS = (
    reports.routes,
    tables.routes,
    findings.routes,
    validations.routes,
    agencies.routes,
    rollups.routes,
    years.routes,
    completeness.routes,
    catalogue.routes,
    catalogue.rules,
    system.routes,
)


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the application; its database is opened when it starts."""
    chosen = settings or Settings()
    logs.configure(chosen)
    app = FastAPI(
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
    for router in _ROUTERS:
        # Not include_router: a tree of routers costs every request.
        app.router.routes.extend(router.routes)
    app.router.routes.append(Mount("/static", system.STATIC))
    app.add_exception_handler(AppError, _app_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_middleware(Dispatch, routes=app.router.routes)
    app.add_middleware(Edge, access_log=chosen.access_log)
    if chosen.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=chosen.cors_origins,
            allow_methods=["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"],
            allow_headers=[
                "Authorization",
                "Content-Type",
                "If-Match",
                "If-None-Match",
                "Idempotency-Key",
            ],
            expose_headers=[
                "ETag",
                "Location",
                "Retry-After",
                "X-Request-ID",
                "Allow",
                "Accept-Patch",
            ],
        )
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.head = migrate.head()
    app.state.database = Database(app.state.settings)
    gc.collect()
    gc.freeze()  # schemas and statements stay: no need to look at them again and again
    log.info("started", database=app.state.settings.database_url.split("@")[-1])
    try:
        yield
    finally:
        app.state.database.close()
        log.info("stopped")


async def _app_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, AppError)
    return response_to(request, error)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return problem(
            request,
            405,
            "method-not-allowed",
            values={"method": request.method},
            headers={"Allow": ", ".join(_allowed(request))},
        )
    return problem(request, 404, "not-found", values={"path": request.url.path})


def _allowed(request: Request) -> list[str]:
    """Return every method of the path: the router knows only those of the first route it met."""
    allowed: set[str] = set()
    for context in iter_route_contexts(request.app.routes):
        match, _ = context.matches(request.scope)
        if match is not Match.NONE:
            allowed |= context.methods or set()
    if "GET" in allowed:
        allowed.add("HEAD")
    return sorted(allowed or {"GET", "HEAD"})  # no route is left within a folder of files
