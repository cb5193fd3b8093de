"""Where two instances differ, found by walking down both trees of digests."""

from collections.abc import Iterator

from app.services.digest_tree import FOREST, Tree
from app.services.mirroring import remote
from app.services.mirroring.batches import Keys
from app.services.mirroring.remote import Json, Remote, UnexpectedError
from app.storage.mirror import Key


def differences(there: Remote, here: Tree, under: str | None) -> Keys:
    """Return what has to be fetched from there for both to agree.

    Raises `UnexpectedError` if digests differ where nothing does: versions that cannot be compared.
    """
    keys = Keys()
    waiting = [FOREST if under is None else under]
    for code in waiting:  # it grows
        theirs = remote.read(there, "/v1/digests", under=code or None)
        if theirs["digest"] != here.digest.get(code):
            found, below = _compared(here, code, theirs)
            if not found and not below:
                raise UnexpectedError(f"the digest of {code or 'all'} is made in another way")
            keys.agencies |= found.agencies
            keys.reports |= found.reports
            waiting += below
    return keys


def _compared(here: Tree, code: str, theirs: Json) -> tuple[Keys, list[str]]:
    """Return what differs of an agency itself, and those below it at which to look next."""
    keys = Keys()
    own = {str(year): digest for year, digest in here.own.get(code, {}).items()}
    years = own.keys() | theirs["own"].keys()
    keys.reports |= {(code, int(y)) for y in years if own.get(y) != theirs["own"].get(y)}
    ours = {child: here.digest[child] for child in here.counted(code)}
    others = {each["agency"]["code"]: each["digest"] for each in theirs["children"]}
    keys.agencies |= ours.keys() ^ others.keys()  # moved, or without reports on one side
    for child in ours.keys() - others.keys():
        keys.reports |= set(_below(here, child))
    return keys, sorted(child for child in others if ours.get(child) != others[child])


def _below(here: Tree, code: str) -> Iterator[Key]:
    waiting = [code]
    for each in waiting:  # it grows
        yield from ((each, year) for year in here.own.get(each, ()))
        waiting += here.counted(each)
