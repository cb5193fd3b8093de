"""The command line: `gongkai serve | migrate | demo | openapi | rebuild`."""

import os
import sys
import tempfile
from typing import Annotated

import typer
import uvicorn
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from app import logs
from app.api import openapi
from app.demo import world
from app.main import create_app
from app.services import maintaining
from app.settings import Settings

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def _settings() -> Settings:
    """Read the settings; a wrong one ends the command with one clear line."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(("GONGKAI", *(str(part).upper() for part in first["loc"])))
        reason = first["msg"].removeprefix("Value error, ")
        raise SystemExit(f"gongkai: {name}: {reason}") from None


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="GONGKAI_HOST")] = None,
    port: Annotated[int | None, typer.Option(help="GONGKAI_PORT")] = None,
    workers: Annotated[int | None, typer.Option(help="GONGKAI_WORKERS")] = None,
) -> None:
    """Serve the API."""
    settings = _settings()
    host, port = host or settings.host, settings.port if port is None else port
    count = workers or settings.workers
    shown = f"[{host}]" if ":" in host else host
    _say(f"API   http://{shown}:{port}{settings.root_path}/v1")
    _say(f"Docs  http://{shown}:{port}{settings.root_path}/docs")
    sys.stdout.flush()
    if count > 1:
        os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", tempfile.mkdtemp(prefix="gongkai-"))
    uvicorn.run(
        "app.main:create_app",
        factory=True,
        host=host,
        port=port,
        workers=count,
        root_path=settings.root_path,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=settings.graceful_timeout,
        timeout_worker_healthcheck=60,  # a worker on a busy machine takes its time to start
    )


@app.command()
def migrate() -> None:
    """Bring the tables to the newest revision; rebuild documents if the rules changed."""
    settings = _settings()
    logs.configure(settings)
    _report(maintaining.migrate(settings))


@app.command()
def rebuild() -> None:
    """Derive every report's document and findings anew."""
    settings = _settings()
    logs.configure(settings)
    _say(f"rebuilt {maintaining.rebuild(settings, everything=True)} reports")


@app.command()
def demo() -> None:
    """Load a small, plausible world to explore; what is there already stays."""
    settings = _settings()
    logs.configure(settings)
    _report(maintaining.migrate(settings))
    for line in world.load(settings):
        _say(line)


@app.command(name="openapi")
def show_openapi() -> None:
    """Print the OpenAPI document."""
    sys.stdout.write(openapi.text(create_app(_settings())))


def _report(lines: list[str]) -> None:
    for line in lines:
        _say(line)


def main() -> None:
    """Run a command; a database that cannot be used is one clear line."""
    try:
        app()
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()
        raise SystemExit(f"gongkai: the database cannot be used: {cause[0]}") from None


if __name__ == "__main__":
    main()
