"""Fixtures of the tests of commands."""

from __future__ import annotations

import pytest

from tests.python.cli.asking import Ask, Asked
from tests.python.conftest import FreshDatabases
from warehouse.cli import main as cli


@pytest.fixture
def ask(prepared: FreshDatabases, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Ask:
    """The command on databases of this test."""
    monkeypatch.setattr("warehouse.cli.opening.load", lambda: prepared.settings)
    monkeypatch.setattr("warehouse.cli.opening.Databases", lambda _: prepared)
    monkeypatch.setattr(prepared, "start", lambda: [])

    def run(*arguments: str) -> Asked:
        capfd.readouterr()
        code = cli._main(["sql", *arguments])
        told = capfd.readouterr()
        return Asked(code, told.out, told.err)

    return run
