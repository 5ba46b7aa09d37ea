"""`warehouse grants …` and `warehouse up`: what a person types, and what the exit code is when somebody can do more."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from psycopg import sql

from tests.python.conftest import FreshDatabases
from warehouse.cli import main as cli
from warehouse.core.roles import Role, role_name
from warehouse.jobs.doctor import _roles

Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def ask(prepared: FreshDatabases, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Ask:
    """Runs a command on databases of this test; its exit code, and its answer in JSON."""
    for module in ("opening", "servers"):
        monkeypatch.setattr(f"warehouse.cli.{module}.load", lambda: prepared.settings)
        monkeypatch.setattr(f"warehouse.cli.{module}.Databases", lambda _: prepared)
    monkeypatch.setattr(prepared, "start", lambda: [])

    def run(*arguments: str) -> tuple[int, Any]:
        capfd.readouterr()
        code = cli._main([*arguments, "--json"])
        return code, json.loads(capfd.readouterr().out)

    return run


def test_each_command(prepared: FreshDatabases, ask: Ask) -> None:
    prefix, name = prepared.settings.warehouse_role_prefix, f"{prepared.settings.warehouse_role_prefix}ann [b]"
    assert [finding.state for finding in _roles(prepared)] == ["warning"]
    assert ask("grants", "show") == (0, [])
    # `up` does it by itself on the embedded warehouse.
    assert ask("up")[0] == 0
    code, applied = ask("grants", "apply")
    assert (code, applied["made"], applied["changed"]) == (0, [], 0)
    assert ask("grants", "login", name, "--role", "analyst") == (
        0,
        {"login": name, "role": f"{prefix}analyst", "made": True},
    )
    shown = {one["role"]: one for one in ask("grants", "show")[1]}
    assert list(shown) == [role_name(prepared.settings, role) for role in Role]
    assert shown[f"{prefix}analyst"]["logins"] == [name]
    assert ask("grants", "check") == (0, {"breaches": [], "not_by_login": None})
    assert [finding.state for finding in _roles(prepared)] == ["ok"]
    assert ask("grants", "login", name)[0] == 2
    with prepared.at_warehouse() as connection:
        connection.execute(sql.SQL("grant select on ledger.runs to {}").format(sql.Identifier(name)))
    assert [finding.exit_code for finding in _roles(prepared)] == [45]
    assert ask("grants", "login", name, "--take-away")[1] == {"login": name, "role": None, "made": False}
