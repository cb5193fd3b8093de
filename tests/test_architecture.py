"""What the import contracts cannot say of the code."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

MODULES = sorted((ROOT / "app").rglob("*.py"))
ENDINGS = {"commit", "rollback", "begin", "begin_nested"}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _called(path: Path) -> set[str]:
    """Return the names of the methods that a module calls."""
    return {
        node.func.attr
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }


def _imported(path: Path) -> Iterator[str]:
    """Yield what a module imports, with its full name."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_transactions_begin_and_end_in_one_place() -> None:
    """The migration is one, too: of the tables, not of a request."""
    found = [_name(path) for path in MODULES if _called(path) & ENDINGS]
    assert found == [
        "app/services/maintaining.py",
        "app/storage/database.py",
        "app/storage/turns.py",
    ]


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.parent.name != "storage"], ids=_name
)
def test_only_storage_speaks_sql(path: Path) -> None:
    of_the_database = {
        name
        for name in _imported(path)
        if name.split(".")[0] in {"sqlalchemy", "sqlmodel", "psycopg", "sqlite3"}
    }
    allowed = {
        name
        for name in of_the_database
        if name.startswith("sqlalchemy.exc.")
        or name in {"sqlmodel.Session", "sqlalchemy.Connection", "sqlalchemy.engine.make_url"}
    }
    assert of_the_database == allowed


def test_the_forms_are_found_and_not_listed() -> None:
    """Nothing outside its package names an edition's module."""
    editions = {path.stem for path in (ROOT / "app" / "forms").glob("y*.py")}
    for path in MODULES:
        if path.parent != ROOT / "app" / "forms":
            assert not {name.split(".")[-1] for name in _imported(path)} & editions, _name(path)
            assert not any(f"forms.{each}" in name for name in _imported(path) for each in editions)


def test_both_readmes_have_the_same_parts() -> None:
    """As many features, headings, rows and examples, and the same addresses and settings."""
    english, chinese = (
        (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md")
    )
    for part in (r"^\* \*\*", r"^#+ ", r"^\|", r"^```\w*"):
        found = (re.findall(part, text, re.MULTILINE) for text in (english, chinese))
        assert next(found) == next(found)
    for name in (r"`/[a-z0-9/{}_.,-]+", r"GONGKAI_[A-Z_]+", r"\.venv/bin/[a-z]+"):
        assert set(re.findall(name, english)) == set(re.findall(name, chinese))


def test_a_server_starts_without_what_few_ask_for() -> None:
    """They would take a tenth of its memory."""
    seldom = {"alembic", "arro3", "cryptography", "openpyxl", "xlsxwriter"}
    code = "import sys, app.main; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "fastapi" in done.stdout.split()
    assert seldom.isdisjoint(done.stdout.split())
