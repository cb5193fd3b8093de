"""Checks of the database and of what is in it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from app.services import auditing, encoding, kinship, reporting
from app.services.operating.findings import Finding, Patient, doubtful, well, wrong
from app.services.reporting import Rendered
from app.storage import agencies, examining, replica, reports, revisions, successions, years
from app.storage.database import at_one_moment, read_engine, using
from app.storage.layers import each_layer
from app.storage.reports import Stored

SAMPLE = 200
"""How many agencies' documents are derived anew, if not all."""
LATEST = 10_000
"""How many entries of the audit log are looked at, if not all."""
_APART, _FAR_APART = 2.0, 60.0  # seconds between clocks


def database(patient: Patient) -> Iterator[Finding]:
    """Tell which database it is, and whether it keeps what it acknowledges."""
    if patient.settings.is_sqlite:
        facts = examining.sqlite_facts(patient.connection)
        yield well("database", f"SQLite {facts['version']}, {facts['journal_mode'].upper()}")
        return
    facts = examining.postgresql_facts(patient.connection)
    yield well("database", f"PostgreSQL {facts['server_version']}, {facts['server_encoding']}")
    if facts["server_encoding"] != "UTF8":
        cure = "restore into a database made with ENCODING 'UTF8'"
        yield wrong("database", f"its encoding is {facts['server_encoding']}", cure)
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        if facts[name] == "off":
            text = f"{name} is off: a crash may lose what was acknowledged"
            yield doubtful("database", text, f"ALTER SYSTEM SET {name} = on")
    chosen = patient.settings
    wanted = 2 * chosen.pool_size * chosen.workers
    if wanted > int(facts["max_connections"]):
        text = f"{wanted} connections are wanted and {facts['max_connections']} allowed"
        yield wrong("database", text, "raise max_connections, or lower GONGKAI_POOL_SIZE")


def migrations(patient: Patient) -> Iterator[Finding]:
    """Tell whether the tables are those that the code knows."""
    current, head = revisions.current(patient.connection), revisions.head()
    if current == head:
        yield well("migrations", f"at {head}")
    elif current in revisions.known() or current is None:
        yield wrong("migrations", f"at {current}, not at {head}", "gongkai migrate")
    else:
        cure = "run the newer Gongkai that made them"
        yield wrong("migrations", f"at {current}, which this Gongkai does not know", cure)


def writing(patient: Patient) -> Iterator[Finding]:
    """Tell whether PostgreSQL takes writes; a standby does not, and the primary may become one."""
    if patient.settings.is_sqlite:
        return
    if examining.postgresql_facts(patient.connection)["transaction_read_only"] == "on":
        cure = "correct GONGKAI_DATABASE_URL if it is a standby, or default_transaction_read_only"
        yield wrong("writing", "the database is read-only", cure)


def rows(patient: Patient) -> Iterator[Finding]:
    """Tell whether the file of SQLite is whole, and what its rows refer to is there."""
    if not patient.settings.is_sqlite:
        return
    if patient.deep and (damage := examining.damage(patient.connection)):
        yield wrong("rows", f"the file is damaged: {damage}", "gongkai restore a backup")
        return
    lost = examining.lost_references(patient.connection)
    if lost:
        text = f"{len(lost)} refer to others that are not there: of {', '.join(sorted({*lost}))}"
        yield wrong("rows", text, "gongkai restore a backup")
    else:
        yield well("rows", "whatever they refer to is there")


def clock(patient: Patient) -> Iterator[Finding]:
    """Hold the clocks of this machine and of the database, and what was written, together."""
    now = datetime.now(UTC)
    theirs = examining.time(patient.connection)
    text = "this machine's"
    if theirs is not None:
        apart = abs((datetime.fromisoformat(theirs) - now).total_seconds())
        text = f"{apart:.1f} s from the database's"
        if apart > _APART:
            made = wrong if apart > _FAR_APART else doubtful
            yield made("clock", text, "let both machines follow one time server")
            return
    latest = examining.latest_change(patient.connection)
    if latest is not None and datetime.fromisoformat(latest) > now + timedelta(seconds=_APART):
        cure = "set the clock right; what is written until then bears too late a time"
        yield doubtful("clock", f"the last change is of the future: {latest}", cure)
        return
    yield well("clock", text)


def rule_set(patient: Patient) -> Iterator[Finding]:
    """Tell whether documents were derived by the rules of this code."""
    current = reporting.rule_set()
    stale = sum(
        examining.count_stale(patient.connection, current) for _ in each_layer(patient.connection)
    )
    if stale:
        text = f"{stale} documents are missing or of other rules"
        yield doubtful("rule set", text, "gongkai rebuild")
    else:
        yield well("rule set", "every document is of the current rules")


def documents(patient: Patient) -> Iterator[Finding]:
    """Derive documents anew, of some agencies or of all, and compare."""
    most = None if patient.deep else SAMPLE
    lost, looked, differing = 0, 0, []
    for _ in each_layer(patient.connection):
        lost += examining.orphans(patient.connection)
        for code in examining.agencies_with_reports(patient.connection, most):
            found = at_one_moment(patient.connection, partial(compare, agency=code))
            looked += len(found)
            differing += [f"{code}/{year}" for year, is_same in found.items() if not is_same]
    if lost:
        yield wrong("documents", f"{lost} documents of no report", "gongkai restore a backup")
    text = f"{looked} compared" + ("" if patient.deep else "; --deep compares all")
    if differing:
        text = f"{len(differing)} of {looked} disagree with the figures: {differing[0]} …"
        yield wrong("documents", text, "gongkai rebuild")
    elif not lost:
        yield well("documents", text)


def compare(connection: Connection, agency: str) -> dict[int, bool]:
    """Tell for each year whether an agency's document is what its figures give.

    Documents of other rules are passed over: they are consistent with those.
    """
    reported = agencies.report_years(connection, agency)
    known = reports.agency(connection, agency)
    if known is None or not reported:
        return {}
    stored = reports.load(connection, known, reported[0], reported[-1])
    kin = kinship.kin_of(connection, agency, successions.around(connection, agency))
    found = {}
    for year, each in stored.items():
        facts = years.read(connection, year)
        if facts is None or each.derived is None or each.derived.rule_set != reporting.rule_set():
            continue
        rendered = reporting.render(stored, year, facts.due, kin)
        found[year] = _is_as_derived(connection, each, rendered)
    return found


def _is_as_derived(connection: Connection, current: Stored, rendered: Rendered) -> bool:
    """Tell whether all that is stored of a document is what it is derived to be."""
    stored, found = examining.derived(connection, current.report)
    columns, findings = reporting.derived_rows(current, rendered, reporting.derived_from(rendered))
    try:
        body = encoding.unzipped(stored["body"])
    except encoding.NotZipped:
        return False
    columns["body"] = stored["body"]  # the same text may be zipped in two ways
    return (stored, found, body) == (columns, findings, rendered.body)


def feed(patient: Patient) -> Iterator[Finding]:
    """Tell whether the feed has no gap."""
    found = examining.feed(patient.connection)
    if found.is_whole:
        yield well("feed", f"{found.count} changes up to {found.latest}, without a gap")
        return
    after = examining.missing_change(patient.connection)
    text = f"changes {found.oldest} to {found.latest} should be there; one is missing after {after}"
    yield wrong("feed", text, "gongkai restore a backup; followers have to load everything again")


def audit(patient: Patient) -> Iterator[Finding]:
    """Tell whether the chain of the audit log is whole: all of it, or its latest entries."""
    made = auditing.verify(patient.connection, latest=None if patient.deep else LATEST)
    if not made.is_whole:
        cure = "gongkai audit verify tells all; compare with an export that was kept elsewhere"
        yield wrong("audit", made.breaks[0].text, cure)
        return
    which = "" if patient.deep or made.count < LATEST else "latest "
    yield well("audit", f"{made.count} {which}entries, up to {made.last}, an unbroken chain")


def read_replica(patient: Patient) -> Iterator[Finding]:
    """Tell whether the replica is one of this database, and how far behind."""
    chosen = patient.settings
    if chosen.database_read_url is None:
        return
    its_own = chosen.model_copy(update={"database_url": chosen.database_read_url})
    cure = "see to the replica, or unset GONGKAI_DATABASE_READ_URL"
    try:
        with using(read_engine(its_own)) as engine, engine.connect() as connection:
            which, position, lag = replica.health(connection)
    except SQLAlchemyError as error:
        told = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        yield doubtful("replica", f"is away: {told}", cure)
        return
    if which != replica.identity(patient.connection):
        yield wrong("replica", "is of another database", "correct GONGKAI_DATABASE_READ_URL")
    elif position is None:
        yield wrong("replica", "is not a standby", "correct GONGKAI_DATABASE_READ_URL")
    elif lag is not None and lag > _FAR_APART:
        yield doubtful("replica", f"is {lag:.0f} s behind; reads go to the database", cure)
    else:
        yield well("replica", f"{lag or 0:.1f} s behind")
