"""The command line: `gongkai serve | migrate | key | audit | backup | restore | doctor | …`."""

import gc

gc.disable()  # what is loaded stays: to look for garbage in it takes a tenth of the start

import io
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
import uvicorn
from pydantic import ValidationError
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from uvicorn.supervisors import Multiprocess

from app import logs
from app.api import keys as api_keys
from app.api import openapi, problems, transitions
from app.domain.roles import ROLES
from app.errors import Invalid
from app.main import create_app
from app.services import keeping, workflow
from app.services.importing import Plan
from app.services.keeping import NewKey
from app.services.operating.errors import OperatingError
from app.services.reporting import now
from app.settings import Settings
from app.storage import agencies, fence, keys, revisions
from app.storage.acting import Act, by, in_command
from app.storage.database import read_engine, require_openable, run, write_engine
from app.storage.models import ApiKey
from app.storage.revisions import MigrationError
from app.storage.turns import Use

gc.freeze()
gc.enable()

T = TypeVar("T")

_APP = "app.main:create_app"

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def _settings(**options: object) -> Settings:
    """Read the settings, options first; wrong ones end the command with one clear line."""
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except UnicodeDecodeError:
        raise SystemExit("gongkai: .env: is not UTF-8") from None
    except ValidationError as error:
        faults = "; ".join(_fault(each["loc"], each["msg"]) for each in error.errors())
        raise SystemExit(f"gongkai: {faults}") from None


def _fault(place: tuple[int | str, ...], reason: str) -> str:
    name = "_".join(("GONGKAI", *(str(part).upper() for part in place)))
    return f"{name}: {reason.removeprefix('Value error, ')}"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _encode_output(encoding: str | None = None) -> None:
    """Escape what an encoding cannot show, as a terminal's or UTF-8 some characters of names."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding=encoding, errors="backslashreplace")


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="GONGKAI_HOST")] = None,
    port: Annotated[int | None, typer.Option(help="GONGKAI_PORT")] = None,
    workers: Annotated[int | None, typer.Option(help="GONGKAI_WORKERS")] = None,
) -> None:
    """Serve the API."""
    settings = _settings(host=host, port=port, workers=workers)
    for name in ("host", "port", "workers"):  # whoever reads the settings again gets the same
        os.environ[f"GONGKAI_{name.upper()}"] = str(getattr(settings, name))
    _require_host(settings)
    require_openable(settings)
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    _say(f"API   http://{shown}:{settings.port}/v1")
    _say(f"Docs  http://{shown}:{settings.port}/docs")
    with suppress(SQLAlchemyError):  # a server may still come up
        _first_key(settings)
    sys.stdout.flush()
    options: dict[str, Any] = {
        "factory": True,
        "host": settings.host,
        "port": settings.port,
        "http": "app.protocol:Bounded",
        "ws": "none",
        "workers": settings.workers,
        "root_path": settings.root_path,
        "access_log": False,
        "log_config": None,
        "server_header": False,
        "timeout_graceful_shutdown": settings.graceful_timeout,
        "timeout_worker_healthcheck": 60,  # a worker on a busy machine takes its time to start
    }
    with _sharing(settings):
        if settings.workers == 1:
            uvicorn.run(_APP, **options)
        else:
            config = uvicorn.Config(_APP, **options)
            _Supervisor(config, [config.bind_socket()]).run()


class _Supervisor(Multiprocess):
    """Several workers at one socket."""

    def terminate_all(self) -> None:
        """Let the workers end; while the socket is open here, callers would wait for nobody."""
        super().terminate_all()
        for each in self.sockets:
            each.close()


def _require_host(settings: Settings) -> None:
    try:
        socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise SystemExit(f"gongkai: GONGKAI_HOST: there is no host {settings.host!r}") from None


@contextmanager
def _sharing(settings: Settings) -> Iterator[None]:
    """Let all workers share their metrics, and how current a replica must be that they read."""
    with ExitStack() as stack:
        path = settings.read_fence
        if settings.workers > 1:
            made = tempfile.TemporaryDirectory(prefix="gongkai-", ignore_cleanup_errors=True)
            folder = stack.enter_context(made)
            os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", folder)
            path = path or Path(folder) / "fence"
        if settings.database_read_url and path:
            _share_fence(path)
        yield


def _share_fence(path: Path) -> None:
    try:
        fence.make(path)
    except OSError as error:
        cause = error.strerror or error
        raise SystemExit(f"gongkai: GONGKAI_READ_FENCE: {path}: {cause}") from None
    os.environ["GONGKAI_READ_FENCE"] = str(path)


@app.command()
def migrate() -> None:
    """Bring the tables to the newest revision; rebuild documents if the rules changed."""
    from app.services import maintaining

    settings = _settings()
    logs.configure(settings)
    _report(maintaining.migrate(settings))


key_app = typer.Typer(no_args_is_help=True, help="API keys: create | list | revoke.")
app.add_typer(key_app, name="key")


@key_app.command(name="create")
def create_key(
    name: Annotated[str, typer.Argument(help="Who uses it, for people to read.")],
    role: Annotated[str, typer.Option(help=" | ".join(ROLES))],
    agency: Annotated[str | None, typer.Option(help="The agency it is for.")] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=36_500, help="Days until it expires.")
    ] = None,
    rate_limit: Annotated[int | None, typer.Option(help="Requests a minute.")] = None,
) -> None:
    """Create an API key and print it: it is shown now, and never again."""
    settings = _settings()
    said: dict[str, object] = {"name": name, "role": role, "agency": agency}
    said |= {"expires_at": now(days * 86_400) if days else None, "rate_limit": rate_limit}

    def made(connection: Connection) -> tuple[ApiKey, str]:
        return keeping.create(connection, settings, api_keys.asked(connection, said))

    key, secret = _written(settings, made)
    _say(secret)
    sys.stderr.write(f"{key.id}  {role}  {name}: the key above is not shown again\n")


@key_app.command(name="list")
def list_keys() -> None:
    """List the API keys: id, role, agency, name, and whether they still hold."""
    for key in _written(_settings(), keys.everything):
        state = "revoked" if key.revoked_at else key.expires_at or "no expiry"
        used = key.last_used_at or "never used"
        _say(f"{key.id}  {key.role:8}  {key.agency or '-'}  {key.name}  {state}  {used}")


@key_app.command(name="revoke")
def revoke_key(identity: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Revoke an API key: within 5 seconds no worker takes it."""

    def revoked(connection: Connection) -> None:
        key = keys.lock(connection, identity)
        if key is None:
            raise SystemExit(f"gongkai: there is no key {identity}")
        keeping.revoke(connection, key)

    _written(_settings(), revoked)
    _say(f"revoked {identity}")


def _command() -> str:
    return " ".join(("gongkai", *sys.argv[1:2]))


def _written(settings: Settings, use: Use[T]) -> T:
    """Write in a transaction, in the name of who has this command line.

    What they have said and is wrong ends the command with one clear line.
    """
    engine = write_engine(settings)
    try:
        return run(engine, by(Act("cli", "cli", "admin", operation=_command()), use))
    except Invalid as error:
        faults = [problems.told(fault, "en") for fault in error.faults]
        named = (f"{(each['pointer'] or '')[1:]}: {each['message']}" for each in faults)
        raise SystemExit(f"gongkai: {'; '.join(named)}") from None
    finally:
        engine.dispose()


def _first_key(settings: Settings) -> None:
    """Make the key of the first administrator, where nobody has one, and print it once."""
    if settings.admin_key is not None:
        return
    with _reading(settings) as connection:
        if revisions.current(connection) != revisions.head() or keys.is_any(connection):
            return
    asked = NewKey("first administrator", "admin")
    _, secret = _written(settings, lambda c: keeping.create(c, settings, asked))
    _say(f"Key   {secret}   (role admin; shown this once: Authorization: Bearer …)")


audit_app = typer.Typer(no_args_is_help=True, help="The audit log: verify | export.")
app.add_typer(audit_app, name="audit")


@audit_app.command(name="verify")
def verify_audit(
    expect: Annotated[
        str | None, typer.Option(metavar="DIGEST", help="An earlier head, which must be there.")
    ] = None,
) -> None:
    """Check that no entry was altered, taken out or put in; ends with 1 if one was.

    Keep the head that is printed elsewhere: who may write to the database could write the whole
    log anew, and only an earlier head shows that.
    """
    from app.services import auditing

    with _reading(_settings()) as connection:
        made = auditing.verify(connection, expect=expect)
    _report(auditing.told(made))
    if not made.is_whole:
        raise SystemExit(1)


Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]


@audit_app.command(name="export")
def export_audit(
    file: Annotated[Path, typer.Argument(help="The file to write: NDJSON.")], force: Force = False
) -> None:
    """Write the log to a file, an entry a line; the last line has the head."""
    from app.services import auditing
    from app.services.operating import backups

    def exported() -> list[str]:
        with (
            _reading(_settings()) as connection,
            backups.in_place_of(file, force=force) as unfinished,
            unfinished.open("wb") as target,
        ):
            target.writelines(auditing.lines(connection))
        return []

    _operated(exported)


@contextmanager
def _reading(settings: Settings) -> Iterator[Connection]:
    engine = read_engine(settings)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@app.command()
def record(
    reason: Annotated[str, typer.Argument(help="Why: where they were published, for example.")],
    under: Annotated[str | None, typer.Option(help="Of this agency and all below it.")] = None,
    year: Annotated[int | None, typer.Option(min=1, max=9999, help="On this year.")] = None,
) -> None:
    """Take drafts with a `published_on` as published before, as they are, errors included."""

    def recorded(connection: Connection) -> int:
        _, why = transitions.asked({"action": "record", "comment": reason})
        if under is not None and not agencies.exists(connection, under):
            raise SystemExit(f"gongkai: --under: there is no agency {under}")
        return workflow.record_drafts(connection, under, year, why)

    _say(f"recorded {_written(_settings(), recorded)} reports")


@app.command()
def rebuild() -> None:
    """Derive every report's document and findings anew."""
    from app.services import maintaining

    settings = _settings()
    logs.configure(settings)
    _say(f"rebuilt {maintaining.rebuild(settings, everything=True)} reports")


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The file to write.")], force: Force = False
) -> None:
    """Write the database to a file, while the service runs."""
    from app.services.operating import backups

    _report(_operated(lambda: backups.backup(_settings(), file, force=force)))


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `backup` wrote.")], force: Force = False
) -> None:
    """Put a backup in the place of the database, which is kept aside; stop the service first."""
    from app.services.operating import backups

    _report(_operated(lambda: backups.restore(_settings(), file, force=force)))


def _operated(work: Callable[[], list[str]]) -> list[str]:
    """Do what an operator asks for; what stops it is one clear line, and half done is undone."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # as it is not under nohup
            signal.signal(number, _stop)
    try:
        return work()
    except OperatingError as error:
        raise SystemExit(f"gongkai: {error}") from None


def _stop(number: int, _: object) -> None:
    signal.signal(number, signal.SIG_IGN)
    raise SystemExit(128 + number)


@app.command()
def doctor(
    deep: Annotated[bool, typer.Option("--deep", help="Derive every document anew.")] = False,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Look at everything that can be wrong; ends with 1 if something is."""
    from app.services.operating import doctor as examining

    found = examining.examine(_settings(), deep=deep)
    if json:
        _encode_output("utf-8")
    _say(examining.as_json(found) if json else examining.as_text(found))
    if examining.has_failed(found):
        raise SystemExit(1)


@app.command()
def demo() -> None:
    """Load a small, plausible world to explore; what is there already stays."""
    from app.demo import world
    from app.services import maintaining

    settings = _settings()
    logs.configure(settings)
    _report(maintaining.migrate(settings))
    _report(world.load(settings))


@app.command(name="import")
def import_file(
    file: Annotated[Path, typer.Argument(help="NDJSON, CSV or XLSX; may end in .gz")],
    format: Annotated[  # noqa: A002 - the option's name
        str | None, typer.Option(help="ndjson, csv or xlsx, if the name does not tell")
    ] = None,
    mode: Annotated[str, typer.Option(help="atomic or partial")] = "atomic",
    dry_run: Annotated[bool, typer.Option(help="Do everything and then undo it")] = False,
) -> None:
    """Import the reports of a file; ends with 1 if any has a fault."""
    settings = _settings()
    logs.configure(settings)
    from app import importer

    kind = format or importer.format_of(file)
    if kind not in importer.SUFFIXES.values():
        raise SystemExit("gongkai: --format: must be ndjson, csv or xlsx")
    if mode not in {"atomic", "partial"}:
        raise SystemExit("gongkai: --mode: must be atomic or partial")
    if not importer.load(settings, file, str(kind), Plan(mode, dry_run, patient=True), _say):
        raise SystemExit(1)


@app.command()
def mirror(
    url: Annotated[str, typer.Argument(help="The other instance: where its /v1 stands below.")],
    under: Annotated[str | None, typer.Option(help="Copy this agency and all below it.")] = None,
    once: Annotated[bool, typer.Option("--once", help="Catch up, compare, and stop.")] = False,
    interval: Annotated[
        float, typer.Option(min=0, max=31_536_000, help="Seconds between comparisons; 0: never.")
    ] = 3600,
    verify: Annotated[
        bool, typer.Option("--verify", help="Begin by comparing all there is.")
    ] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Give up data that is here.")] = False,
) -> None:
    """Keep this database in step with another instance; it may be stopped at any time."""
    from app.services import maintaining
    from app.services.mirroring import copying, following
    from app.services.mirroring.remote import MirrorError

    settings = _settings()
    logs.configure(settings)
    _report(maintaining.migrate(settings))
    try:
        with copying.opened(settings, url, under) as made:
            copying.claim(made, replace=replace)
            done = following.once(made, verify=verify)
            for line in done if once else following.follow(made, interval, verify=verify):
                _say(line)
                sys.stdout.flush()
    except MirrorError as error:
        raise SystemExit(f"gongkai: {url}: {error}") from None


@app.command(name="openapi")
def show_openapi() -> None:
    """Print the OpenAPI document."""
    _encode_output("utf-8")
    sys.stdout.write(openapi.text(create_app(_settings())))


def _report(lines: Iterable[str]) -> None:
    for line in lines:
        _say(line)


def main() -> None:
    """Run a command; a database that cannot be used is one clear line."""
    in_command(_command())
    _encode_output()
    try:
        app()
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()
        raise SystemExit(f"gongkai: the database cannot be used: {cause[0]}") from None
    except (MigrationError, OSError) as error:
        raise SystemExit(f"gongkai: the database cannot be used: {error}") from None


if __name__ == "__main__":
    main()
