"""The rules that apply to a form, and the judgement of a report by all of them."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache

from app.domain.case import Case, layout_of
from app.domain.catalogue import OTHERS, identities
from app.domain.findings import Finding, Outcome, Severity
from app.domain.layout import Form
from app.domain.report import Report
from app.domain.rule import Following, Rule
from app.domain.successions import Forebears, together
from app.domain.suspects import suspects_of


@cache
def rules_of(form: Form) -> tuple[Rule, ...]:
    """Return the rules that apply to a form, in the order of the catalogue."""
    printed = (rule for table in form.tables for rule in identities(table))
    return (*printed, *(rule for rule in OTHERS if rule.find.applies(form)))


def catalogue(forms: Iterable[Form]) -> dict[str, tuple[Rule, list[Form]]]:
    """Return every rule by its id, with the forms that it applies to, in the order of findings."""
    found: dict[str, tuple[Rule, list[Form]]] = {}
    others = [rule.id for rule in OTHERS]
    for form in forms:
        for rule in rules_of(form):
            found.setdefault(rule.id, (rule, []))[1].append(form)
    order = [*(id_ for id_ in found if id_ not in others), *(id_ for id_ in others if id_ in found)]
    return {id_: found[id_] for id_ in order}


def judge(
    report: Report, previous: Report | None, before: Form | None, found: Forebears | None = None
) -> tuple[Finding, ...]:
    """Judge a report by every rule: failures, and what could not be assessed.

    `previous` is the same agency's report on the year before, `before` the form of that year.
    `found` has the reports that stand for it if the agency followed others in the year.
    """
    case = Case(report, previous, layout_of(report.form, before))
    if found is None or before is None:
        findings = [f for rule in rules_of(report.form) for f in rule.find(rule, case)]
    else:
        findings = list(_following(case, found))
    return tuple(_with_suspects(findings, report))


def _following(case: Case, found: Forebears) -> Iterator[Finding]:
    """Judge a report in the year in which its agency followed others."""
    previous = together(found) if found.why is None else None
    joined = Case(case.report, previous, case.layout, assessed=case.assessed)
    for rule in rules_of(case.report.form):
        if rule.following is Following.ALONE:
            yield from rule.find(rule, case)
        elif rule.following is Following.TOGETHER:
            for each in rule.find(rule, joined):
                if found.why is not None:
                    yield replace(each, message=found.why)
                else:
                    yield replace(each, others=found.agencies if each.other_cells else ())


def _with_suspects(findings: list[Finding], report: Report) -> Iterator[Finding]:
    broken = {
        f.table or ""
        for f in findings
        if f.severity is Severity.ERROR and f.outcome is Outcome.FAIL and f.rule != "nil.not-empty"
    }
    suspects = {
        table: suspects_of(report.filings[table])
        for table in broken
        if table in report.filings and report.form.table[table].balances
    }
    for finding in findings:
        is_identity = finding.outcome is Outcome.FAIL and finding.severity is Severity.ERROR
        found = suspects.get(finding.table or "") if is_identity else None
        yield replace(finding, suspects=found) if found else finding
