"""Digests of reports combined up the tree of agencies: one value tells whether two trees agree."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.services.digests import sha256

FOREST = ""
"""The code of the node above all agencies that have no parent."""

Own = dict[int, str | None]
"""Digests of an agency's reports by year; None where it is not known."""


@dataclass(frozen=True, slots=True)
class Tree:
    """What is known of the agencies at and below a root, by their codes.

    `digest` and `reports` are of all reports at or below an agency, and have those alone that have
    any; `below` has the agencies directly below one, in the order of codes.
    """

    names: Mapping[str, str]
    below: Mapping[str, Sequence[str]]
    own: Mapping[str, Own]
    digest: Mapping[str, str]
    reports: Mapping[str, int]

    def counted(self, code: str) -> list[str]:
        """Return the agencies directly below one that have reports at or below them."""
        return [child for child in self.below.get(code, ()) if child in self.digest]


def tree(agencies: Iterable[Any], reports: Iterable[Any], root: str) -> Tree:
    """Combine digests at and below a root, an agency or `FOREST`.

    `agencies` are rows of code, parent and name, `reports` of agency, year and digest.
    """
    names: dict[str, str] = {}
    below: dict[str, list[str]] = {}
    for code, parent, name in sorted(agencies):
        names[code] = name
        if code != root:
            below.setdefault(parent or FOREST, []).append(code)
    own: dict[str, Own] = {}
    for code, year, digest in reports:
        own.setdefault(code, {})[year] = digest
    return _combined(Tree(names, below, own, {}, {}), root)


def _combined(found: Tree, root: str) -> Tree:
    """Compute digests from the leaves up, however deep the tree is."""
    order = [root]
    for code in order:  # it grows: every agency stands behind the one above it
        order += found.below.get(code, ())
    digests: dict[str, str] = {}
    counts: dict[str, int] = {}
    for code in reversed(order):
        own = found.own.get(code, {})
        below = [child for child in found.below.get(code, ()) if child in digests]
        if own or below:
            digests[code] = sha256(_canonical(own, [(each, digests[each]) for each in below]))
            counts[code] = len(own) + sum([counts[each] for each in below])
    return Tree(found.names, found.below, found.own, digests, counts)


def _canonical(own: Own, below: Sequence[tuple[str, str]]) -> str:
    """Return the canonical JSON that the digest of an agency is of.

    Years have four digits and codes are ASCII, so both stand in the order of RFC 8785.
    """
    children = ",".join([f'"{code}":"{digest}"' for code, digest in below])
    reports = ",".join(
        [f'"{year}":' + (f'"{own[year]}"' if own[year] else "null") for year in sorted(own)]
    )
    return f'{{"children":{{{children}}},"reports":{{{reports}}}}}'
