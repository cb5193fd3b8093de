"""Whether what is derived and stored is what the stored figures give."""

import json
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.services import encoding, maintaining
from app.storage.layers import PUBLISHED_ONLY, Sight, looking
from tests.conftest import quiet, reading

_DOCUMENTS = "SELECT * FROM derived_document ORDER BY agency, year"
_FINDINGS = "SELECT * FROM derived_finding ORDER BY agency, year, position"
_DATED = "name, short_name, kind, level, parent"
_LAST_PERIODS = f"""
SELECT agency, {_DATED} FROM agency_period p WHERE valid_from = (
  SELECT max(valid_from) FROM agency_period q WHERE q.agency = p.agency
) ORDER BY agency"""


def assert_consistent(database_url: str) -> None:
    """Fail where a rebuild of everything would change anything, or the agencies' tree is none.

    What an agency is, its last period says, too.
    """
    sights = (None, PUBLISHED_ONLY)
    stored = [_snapshot(database_url, sight) for sight in sights]
    maintaining.rebuild(quiet(database_url), everything=True)
    for before, sight in zip(stored, sights, strict=True):
        after = _snapshot(database_url, sight)
        assert before["reports"] == [key[:2] for key in before["documents"]]
        for derived in ("documents", "findings"):
            moved = sorted(set(before[derived]) ^ set(after[derived]))
            assert not moved, f"{derived}, before and after: {moved[:2]}"
        _assert_told_alike(before)
        _assert_linked(before)
        _assert_tree(before["parents"])
        assert before["agencies"] == before["periods"]


def _snapshot(database_url: str, sight: Sight | None) -> dict[str, Any]:
    with reading(database_url) as connection, looking(connection, sight):
        documents = [
            {**row, "body": encoding.unzipped(row["body"])}
            for row in connection.execute(sa.text(_DOCUMENTS)).mappings()
        ]
        return {
            "reports": _rows(connection, "SELECT agency, year FROM report ORDER BY 1, 2"),
            "documents": [tuple(document.values()) for document in documents],
            "findings": _rows(connection, _FINDINGS),
            "parents": dict(_rows(connection, "SELECT code, parent FROM agency")),
            "agencies": _rows(connection, f"SELECT code, {_DATED} FROM agency ORDER BY code"),
            "periods": _rows(connection, _LAST_PERIODS),
            "bodies": [
                (d["agency"], d["year"], encoding.read(d["body"]), json.loads(d["summary"]))
                for d in documents
            ],
        }


def _rows(connection: Connection, query: str) -> list[Any]:
    return [tuple(row) for row in connection.execute(sa.text(query))]


def _assert_told_alike(stored: dict[str, Any]) -> None:
    """The rows of findings and the summary say what the document says."""
    found: dict[tuple[str, int], list[Any]] = {}
    for agency, year, _, rule, severity, body in stored["findings"]:
        assert (json.loads(body)["rule"], json.loads(body)["severity"]) == (rule, severity)
        found.setdefault((agency, year), []).append(json.loads(body))
    for agency, year, document, summary in stored["bodies"]:
        assert document["findings"] == found.get((agency, year), [])
        assert summary["counts"] == document["counts"]


def _assert_linked(stored: dict[str, Any]) -> None:
    there = set(stored["reports"])
    for agency, year, document, _ in stored["bodies"]:
        for link, beside in (("previous", year - 1), ("next", year + 1)):
            expected = f"/v1/reports/{agency}/{beside}" if (agency, beside) in there else None
            assert document["links"][link] == expected, (agency, year, link)


def _assert_tree(parents: dict[str, str | None]) -> None:
    for code in parents:
        above = [code]
        while (parent := parents[above[-1]]) is not None:
            assert parent not in above, f"a circle: {above}"
            above.append(parent)
