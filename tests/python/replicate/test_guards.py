"""What is guarded, and what is not (guards.csv, shown in docs/guards.md): each guard has a test that exists."""

from __future__ import annotations

import ast
import csv
from pathlib import Path

import pytest

from warehouse.core import errors
from warehouse.core.errors import WarehouseError
from warehouse.core.settings import PROJECT

TESTS = PROJECT / "tests" / "python"
GUARDS = list(csv.DictReader((Path(__file__).parent / "guards.csv").open(encoding="utf-8", newline="")))
CODES = {
    str(kind.exit_code) for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, WarehouseError)
}


@pytest.mark.parametrize("guard", [row for row in GUARDS if row["tests"]], ids=lambda guard: guard["what happens"][:60])
def test_a_guard_has_a_test(guard: dict[str, str]) -> None:
    for test in guard["tests"].split():
        file, name = test.split("::")
        tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, (
            f"there is no {test}"
        )
    assert set(guard["exit code"].replace("–", "").replace(",", "").split()) <= CODES


def test_what_is_not_guarded_says_why() -> None:
    unguarded = [row for row in GUARDS if not row["tests"]]
    assert unguarded, "a list without them would be too good to be true"
    assert all(row["guarded by"] for row in unguarded)
