"""Made-up figures that are right: they balance, and each year begins where the last one ended."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from random import Random
from typing import Final

from app.demo.places import Size
from app.domain.decimals import MILLION
from app.domain.layout import Cells, Form, Table
from app.domain.report import Filing
from app.domain.totals import as_number
from app.forms import the_form_of

YEARS: Final = range(2019, 2025)

Numbers = Counter[str]
"""The cells of a table that are not zero, by name."""
Filings = dict[str, Filing]

_YUAN: Final = MILLION // 10_000  # decimals are kept as millionths of 10,000 yuan
_APPLICANTS: Final = {
    "natural_person": 0.9,
    "commercial": 0.06,
    "research": 0.005,
    "public_interest": 0.005,
    "legal_service": 0.02,
    "other_organization": 0.01,
}
_OUTCOMES: Final = {"granted": 40, "partly_granted": 12, "unavailable_not_held": 25}
_RESULTS: Final = {"upheld": 6, "corrected": 1, "other_result": 3}
_DISPUTES: Final = {
    "reconsideration": 0.05,
    "litigation_direct": 0.02,
    "litigation_after_reconsideration": 0.01,
}
_ITEMS: Final = {"licences": 24, "other_services": 40, "penalties": 60, "compulsion": 6}


class Course:
    """An agency's figures, year after year: what one year leaves over, the next begins with."""

    def __init__(self, code: str, size: Size) -> None:
        self.size = size
        self.seed = Random(f"gongkai {code}")  # noqa: S311 - nothing secret
        self.decisions = {
            "licences": size.licences,
            "other_services": size.licences * 0.4,
            "penalties": size.penalties,
            "compulsion": size.penalties * 0.01,
        }
        self.stock = size.documents
        self.carried = {c: self._about(size.requests * s * 0.03) for c, s in _APPLICANTS.items()}
        self.pending = dict.fromkeys(_DISPUTES, 0)
        self.items = {line: n if self.decisions[line] else 0 for line, n in _ITEMS.items()}
        self.items["charges"] = 4 if size.fees else 0

    def _about(self, mean: float) -> int:
        return int(mean * self.seed.uniform(0.85, 1.15) + self.seed.random())

    def year(self, form: Form) -> Filings:
        """Return the tables of the next year."""
        return {table.key: self._filed(table) for table in form.tables}

    def _filed(self, table: Table) -> Filing:
        made = {
            "documents": self._documents,
            "fees": self._fees,
            "procurement": self._procurement,
            "requests": self._requests,
            "disputes": self._disputes,
        }.get(table.key, self._article_20)(table)
        choices = {"amount_unit": "wan_yuan"} if table.choices else {}
        return Filing(table, summed(table, made), choices=choices)

    def _documents(self, table: Table) -> Numbers:
        new, old = self._about(self.stock * 0.1), self._about(self.stock * 0.07)
        if ("rules", "made") in table.at:
            self.stock += new
            given = {"made": new, "published": new, "public_total": self.stock}
        else:
            self.stock += new - old
            given = {"issued": new, "repealed": old, "in_force": self.stock}
        return Counter({f"normative_documents__{key}": n for key, n in given.items()})

    def _article_20(self, table: Table) -> Numbers:
        made: Numbers = Counter()
        for line in table.lines:
            made[f"{line.key}__decisions"] = decisions = self._about(self.decisions[line.key])
            if (line.key, "items_change") in table.at:
                made += self._items_of(line.key, decisions)
        return made

    def _items_of(self, line: str, decisions: int) -> Numbers:
        before = self.items[line]
        change = self.seed.randint(0, 3) if before else 0
        self.items[line] += change if change != decisions else 0
        return Counter(
            {f"{line}__items_last_year": before, f"{line}__items_change": self.items[line] - before}
        )

    def _fees(self, table: Table) -> Numbers:
        if ("charges", "amount") not in table.at:
            return self._items_of("charges", 0)
        return Counter({"charges__amount": self._about(self.size.fees * 10_000) * _YUAN})

    def _procurement(self, table: Table) -> Numbers:
        items = self._about(3 + self.size.requests * 0.02)
        amount = sum(self._about(420_000) for _ in range(items)) * _YUAN
        return Counter({"centralized__items": items, "centralized__amount": amount})

    def _requests(self, table: Table) -> Numbers:
        made: Numbers = Counter()
        outcomes = next(line.parts for line in table.lines if line.parts)
        weights = [_OUTCOMES.get(outcome, 1) for outcome in outcomes]
        for column, share in _APPLICANTS.items():
            received, carried_in = self._about(self.size.requests * share), self.carried[column]
            carried_out = min(received, self._about((received + carried_in) * 0.04))
            made[f"received__{column}"] = received
            made[f"carried_in__{column}"] = carried_in
            made[f"carried_out__{column}"] = self.carried[column] = carried_out
            handled = self.seed.choices(outcomes, weights, k=received + carried_in - carried_out)
            made.update(f"{outcome}__{column}" for outcome in handled)
        return made

    def _disputes(self, table: Table) -> Numbers:
        made: Numbers = Counter()
        for line, share in _DISPUTES.items():
            total = self.pending[line] + self._about(self.size.requests * share)
            made[f"{line}__pending"] = pending = min(total, self._about(total * 0.15))
            self.pending[line] = pending
            decided = self.seed.choices([*_RESULTS], [*_RESULTS.values()], k=total - pending)
            made.update(f"{line}__{result}" for result in decided)
        return made


def summed(table: Table, numbers: Mapping[str, int]) -> Cells:
    """Return all cells of a table, with the totals that the others come to."""
    cells = [numbers.get(cell.name, 0) for cell in table.cells]
    for cell in table.totals:
        cells[cell.index] = sum(cells[i] for i in cell.addends)
    return tuple(cells)


def course(code: str, size: Size) -> Iterator[Filings]:
    """Yield an agency's tables, year after year."""
    made = Course(code, size)
    for year in YEARS:
        yield made.year(the_form_of(year))


def consolidated(own: Filings, parts: Iterable[Filings]) -> Filings:
    """Return the tables of a government: its own figures and those of the agencies below it."""
    made = dict(own)
    for part in parts:
        for key, filing in part.items():
            both = zip(made[key].cells, filing.cells, strict=True)
            cells = tuple(as_number(ours) + as_number(theirs) for ours, theirs in both)
            made[key] = replace(made[key], cells=cells)
    return made
