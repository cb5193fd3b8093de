"""The measures: one definition each, on every form that has their cells."""

import pytest

from app.domain.measure import Part, Term, formula, named, terms
from app.domain.measures import measures
from app.forms import FORM_BY_KEY, FORMS, editions
from app.forms.cells import CELLS

ALL = measures(FORMS)
FORM_2019, FORM_2021 = FORM_BY_KEY["2019"], FORM_BY_KEY["2021"]


def test_every_measure_names_cells_that_are_there() -> None:
    for key, (measure, forms) in ALL.items():
        assert measure.key == key
        assert forms, key
        assert measure.text.zh
        assert measure.text.en
        for form in forms:
            for names in (measure.numerator, measure.denominator):
                assert set(named(form, names)) <= CELLS.keys()
                assert len(set(named(form, names))) == len(named(form, names))
            assert named(form, measure.numerator)


def test_every_measure_has_its_own_definition() -> None:
    definitions = {(measure.numerator, measure.denominator) for measure, _ in ALL.values()}
    assert len(definitions) == len(ALL)


def test_outcomes_are_divided_without_a_rest() -> None:
    """Granted, refused, unavailable, declined and other requests are all that are handled."""
    groups = ("granted", "partly_granted", "refused", "unavailable", "declined", "other")
    for form in FORMS:
        found = [name for key in groups for name in named(form, ALL[key][0].numerator)]
        outcomes = next(line for line in form.table["requests"].lines if line.parts).parts
        assert sorted(found) == sorted(f"requests.{key}.total" for key in outcomes)


def test_each_ground_of_refusal_has_a_rate() -> None:
    refused = [l.key for l in editions("requests")[-1].lines if l.key.startswith("refused_")]
    assert len(refused) == 8
    for key in refused:
        measure, forms = ALL[f"{key}_rate"]
        assert measure.numerator == (f"requests.{key}.total",)
        assert measure.denominator == ("requests.handled.total",)
        assert forms == [*FORMS]


@pytest.mark.parametrize(
    ("key", "numerator", "denominator"),
    [
        ("received", "requests.received.total", ""),
        (
            "disclosure_rate",
            "requests.granted.total + requests.partly_granted.total",
            "requests.handled.total",
        ),
        ("refusal_rate", "Σ requests.refused_*.total", "requests.handled.total"),
        (
            "carry_over_rate",
            "requests.carried_out.total",
            "requests.received.total + requests.carried_in.total",
        ),
        (
            "correction_rate",
            "Σ disputes.*.corrected",
            "Σ disputes.*.upheld + Σ disputes.*.corrected + Σ disputes.*.other_result",
        ),
        ("dispute_rate", "Σ disputes.*.total", "requests.handled.total"),
    ],
)
def test_definitions_are_published_as_formulas(key: str, numerator: str, denominator: str) -> None:
    measure, _ = ALL[key]
    assert (formula(measure.numerator), formula(measure.denominator)) == (numerator, denominator)
    assert measure.kind == ("ratio" if denominator else "count")


def test_a_measure_of_one_form_says_so() -> None:
    assert ALL["rules_in_force"][1] == [FORM_2021]
    assert named(FORM_2019, ALL["rules_in_force"][0].numerator) == ()
    assert terms(FORM_2019, ALL["rules_in_force"][0].numerator) == ()


def test_a_total_is_added_up_from_the_cells_of_its_lines() -> None:
    (granted,) = terms(FORM_2021, ("requests.granted.total",))
    applicants = [c.key for c in editions("requests")[-1].columns if not c.parts]
    cells = tuple(f"granted__{key}" for key in applicants)
    assert granted == Term((Part("requests", cells, "granted__total"),))
    (handled,) = terms(FORM_2019, ("requests.handled.total",))
    assert len(handled.parts) == 19
    assert handled.parts[0] == granted.parts[0]
    assert handled.total == Part("requests", ("handled__total",))
    (single,) = terms(FORM_2021, ("disputes.reconsideration.corrected",))
    assert single == Term((Part("disputes", ("reconsideration__corrected",)),))
