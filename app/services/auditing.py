"""Whether the audit log is whole, and the log as it is shown."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import Connection

from app.services import encoding
from app.storage import audit, audit_log
from app.storage.audit import Row
from app.storage.audit_log import Stand
from app.storage.database import at_one_moment

MOST_BREAKS = 100
"""How many breaks are told."""


@dataclass(frozen=True, slots=True)
class Break:
    """Where the chain does not hold: the first entry that shows it, and how."""

    seq: int
    text: str


@dataclass(slots=True)
class Verdict:
    """What was found of a chain. `expected`: whether an earlier head was found, if one was asked.

    `follows` are the digests that the next entry may follow: two, where the last was altered.
    """

    count: int = 0
    first: int | None = None
    first_at: str | None = None
    last: int = 0
    head: str = ""
    follows: frozenset[str] = frozenset()
    expected: bool | None = None
    breaks: list[Break] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.breaks and self.expected is not False


def verify(
    connection: Connection, *, expect: str | None = None, latest: int | None = None
) -> Verdict:
    """Walk the chain, as of one moment and in bounded memory, and hold it to what it says.

    `expect` is the digest of an earlier head. With `latest`, only so many entries are looked at.
    The connection is one for reading, outside of any transaction.
    """
    return at_one_moment(connection, partial(_verified, expect=expect, latest=latest))


def _verified(connection: Connection, *, expect: str | None, latest: int | None) -> Verdict:
    stand = audit_log.stand(connection)
    made = _begun(connection, stand, latest)
    if expect is not None:
        made.expected = expect == stand.anchor
    for row in audit_log.walk(connection, made.last):
        fault = _look_at(made, row, stand)
        if row[-1] == expect and fault is None:
            made.expected = True
    _look_at_end(made, stand)
    return made


def _begun(connection: Connection, stand: Stand, latest: int | None) -> Verdict:
    """Begin before the first entry that is kept, or so many before the last one."""
    start = stand.seq - latest if latest is not None else 0
    before = audit_log.BY_SEQ.row(connection, {"seq": start}) if start > 0 else None
    head = before[-1] if before else stand.anchor
    return Verdict(last=start if before else 0, head=head, follows=frozenset({head}))


def _look_at(made: Verdict, row: Row, stand: Stand) -> str | None:
    """Look at the next entry; return what is wrong with it by itself."""
    seq, digest = row[0], row[-1]
    is_first = made.last == 0
    fault, previous = looked_at(row)
    if seq != made.last + 1 and not (is_first and stand.anchor):
        _tell(made, made.last + 1, f"{_named(made.last + 1, seq - 1)} missing")
    if fault is not None:
        _tell(made, seq, fault)
    elif previous not in made.follows and seq == made.last + 1:
        _tell(made, seq, f"entry {seq} does not follow entry {made.last}: one of them was altered")
    elif previous not in made.follows and is_first and stand.anchor:
        _tell(made, seq, f"entry {seq} does not follow what was pruned: entries before are missing")
    if made.first is None:
        made.first, made.first_at = seq, row[1]
    made.count += 1
    made.last, made.head = seq, digest
    made.follows = frozenset({digest, audit.digest_of(row[5])} if fault else {digest})
    return fault


def looked_at(row: Row) -> tuple[str | None, str | None]:
    """Return what is wrong with an entry by itself, and the digest that it says is before it."""
    seq, *columns, body, digest = row
    if audit.digest_of(body) != digest:
        return f"entry {seq} was altered: its digest is another", None
    try:
        said = encoding.read(body)
        repeated = [said["at"], said["actor"][: audit.LONGEST_ACTOR], said["agency"], said["year"]]
        previous = str(said["previous"])
        number = said["seq"]
    except (ValueError, TypeError, KeyError):
        return f"entry {seq} cannot be read", None
    if number != seq:
        return f"entry {seq} was moved: it says that it is entry {number}", None
    if repeated != columns:
        return f"entry {seq} was altered: its columns are not what it says", None
    return None, previous


def _look_at_end(made: Verdict, stand: Stand) -> None:
    if made.last < stand.seq:
        _tell(made, made.last + 1, f"{_named(made.last + 1, stand.seq)} missing at the end")
    elif made.last > stand.seq:
        _tell(made, made.last, f"entry {made.last} is beyond the last one that the clock knows")
    elif stand.head not in made.follows:
        _tell(made, made.last, f"entry {made.last} is not the last one that the clock knows")


def _named(first: int, last: int) -> str:
    return f"entry {first} is" if first == last else f"entries {first} to {last} are"


def _tell(made: Verdict, seq: int, text: str) -> None:
    if len(made.breaks) < MOST_BREAKS:
        made.breaks.append(Break(seq, text))


def told(made: Verdict) -> Iterator[str]:
    """Yield a verdict in lines."""
    for each in made.breaks:
        yield each.text
    if len(made.breaks) == MOST_BREAKS:
        yield f"there may be more: only the first {MOST_BREAKS} are told"
    if made.expected is False:
        yield "the expected head is not in the chain: it was written anew, or pruned beyond it"
    since = f", from {made.first} ({made.first_at}) to {made.last}" if made.count else ""
    yield f"{made.count} entries{since}"
    yield f"head {made.head or '-'}"
    yield "the chain is whole" if made.is_whole else "THE CHAIN IS BROKEN"


def shown(row: Row) -> bytes:
    """Return an entry as JSON: what its digest is of, and the digest before it."""
    return b'{"digest":"%s",' % row[-1].encode() + bytes(row[5])[1:]


def end(count: int, head: str) -> bytes:
    """Return the last line of an export, which says that it is whole."""
    return encoding.encoded({"end": True, "entries": count, "head": head})


def lines(connection: Connection) -> Iterator[bytes]:
    """Yield the whole log as lines of JSON, as of when each is read."""
    count, head = 0, ""
    for row in audit_log.walk(connection, 0):
        count, head = count + 1, row[-1]
        yield shown(row) + b"\n"
    yield end(count, head) + b"\n"
