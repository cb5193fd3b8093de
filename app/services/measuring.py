"""Measures and their figures as the JSON that the API shows."""

from collections.abc import Iterator, Sequence

from app.domain.layout import Form
from app.domain.measure import Measure, Names, formula, named
from app.domain.measures import measures
from app.domain.ratios import ratio
from app.forms import FORMS
from app.services.rendering import Json
from app.storage.statistics import Asked, Figure, Group

MEASURES: dict[str, tuple[Measure, list[Form]]] = measures(FORMS)
"""Every measure by its key, with the forms that have its cells."""


def definition(key: str) -> Json:
    """Return a measure as it is published."""
    measure, forms = MEASURES[key]
    return {
        "key": key,
        "kind": measure.kind,
        "text": measure.text._asdict(),
        "forms": [form.key for form in forms],
        "numerator": _sum(measure.numerator, forms),
        "denominator": _sum(measure.denominator, forms) if measure.denominator else None,
    }


def _sum(names: Names, forms: Sequence[Form]) -> Json:
    cells = {form.key: list(named(form, names)) for form in forms}
    return {"formula": formula(names), "cells": cells}


def item(asked: Asked, group: Group) -> Json:
    """Return a group: its keys, its reports, and the figures of its measures."""
    keys = dict(zip(asked.by, group.keys, strict=True))
    if "agency" in keys:
        keys["agency"] = {"code": keys["agency"], "name": group.name}
    figures = {
        measure.key: _figure(measure, figure)
        for measure, figure in zip(asked.measures, group.figures, strict=True)
    }
    return {**keys, "reports": group.reports, "measures": figures}


def _figure(measure: Measure, figure: Figure) -> Json:
    sides = {"numerator": figure.numerator, "denominator": figure.denominator}
    return {
        **(sides if measure.denominator else {}),
        "value": value(measure, figure),
        "reports": figure.reports,
        "incomplete": figure.incomplete,
    }


def value(measure: Measure, figure: Figure) -> int | str | None:
    """Return a count, or a ratio as a decimal; None where there is no figure."""
    if not measure.denominator:
        return figure.numerator
    if figure.numerator is None or figure.denominator is None:
        return None
    return ratio(figure.numerator, figure.denominator)


def header(asked: Asked) -> list[str]:
    """Return the columns of `rows`."""
    keys = [name for key in asked.by for name in (key, *(["agency_name"] * (key == "agency")))]
    return [*keys, "measure", "numerator", "denominator", "value", "reports", "incomplete"]


def rows(asked: Asked, groups: Sequence[Group]) -> Iterator[list[object]]:
    """Yield a row for each measure of each group."""
    for group in groups:
        keys: list[object] = []
        for name, key in zip(asked.by, group.keys, strict=True):
            keys += [key, group.name] if name == "agency" else [key]
        for measure, figure in zip(asked.measures, group.figures, strict=True):
            numerator = figure.numerator if measure.denominator else None
            shown = [numerator, figure.denominator, value(measure, figure)]
            yield [*keys, measure.key, *shown, figure.reports, figure.incomplete]
