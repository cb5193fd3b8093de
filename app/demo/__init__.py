"""Figures of real published reports: for the demonstration and for examples."""

import json
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "reports"


@cache
def real_reports() -> tuple[dict[str, Any], ...]:
    """Return the reports by agency and year: `agency`, `year` and `report`, bodies for PUT."""
    files = sorted(_FOLDER.glob("*.json"))
    return tuple(json.loads(file.read_text(encoding="utf-8")) for file in files)
