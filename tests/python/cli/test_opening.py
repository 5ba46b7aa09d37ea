"""Commands start, migrate and connect in one place, `warehouse/cli/opening.py`, and in no other way."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from warehouse.core.settings import PROJECT

CLI = PROJECT / "warehouse" / "cli"
OPENS = ("start", "migrate", "source", "warehouse")

EXCEPTIONS = {
    ("servers.py", "start"): "`warehouse up` is this step",
    ("run.py", "warehouse"): "the run's own connection holds its lock, beside those that the stages open",
}
"""Commands that do a step of opening themselves: file and method, and why."""


def steps(text: str) -> Iterator[str]:
    """The steps of opening that a module takes itself."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in OPENS:
            on = ast.unparse(node.func.value)
            if "databases" in on or "Databases" in on:
                yield node.func.attr


def test_every_step_is_seen() -> None:
    text = "Databases(load()).start()\nwith databases.source() as trs:\n    done.databases.migrate(trs)"
    assert sorted(steps(text)) == ["migrate", "source", "start"]


def test_no_command_opens_the_databases_in_a_way_of_its_own() -> None:
    found = {
        (str(file.relative_to(CLI)), step)
        for file in CLI.rglob("*.py")
        if file.name != "opening.py"
        for step in steps(file.read_text(encoding="utf-8"))
    }
    assert found == set(EXCEPTIONS)


@pytest.mark.parametrize("file", sorted(CLI.rglob("*.py")), ids=lambda file: str(file.relative_to(CLI)))
def test_a_command_holds_no_logic(file: Path) -> None:
    """No SQL and no locks: those are a room's. `warehouse sql` runs a person's own statement."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert file == CLI / "sql.py" or names.isdisjoint(
        {"execute", "executemany", "session_lock", "fetchone", "fetchall"}
    )
