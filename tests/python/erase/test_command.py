"""`warehouse erase`: what it demands before it does anything, and what it never prints."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from warehouse.cli.erase import erase_person
from warehouse.cli.main import _main
from warehouse.core.databases import Databases
from warehouse.core.errors import AlreadyRunning, ErasureRefused, UsageError
from warehouse.core.ledger import migrate
from warehouse.core.locks import Lock, session_lock

PERSON = "0b0f3c0e-9d1a-4a53-8f52-7f8f8a8f8a8f"


def test_it_wants_a_yes(capsys: pytest.CaptureFixture[str]) -> None:
    assert _main(["erase", "--json"]) == UsageError.exit_code
    said = json.loads(capsys.readouterr().out)
    assert "--dry-run" in said["next"]


@pytest.fixture
def given(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a file that holds something."""

    def make(text: str) -> Path:
        path = tmp_path / str(len(list(tmp_path.iterdir())))
        path.write_text(text)
        return path

    return make


def test_it_asks_at_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What is typed is not shown, and is what a file would have held."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("warehouse.cli.identifiers.getpass", lambda _: "12345")
    assert _main(["erase", "--dry-run"]) == UsageError.exit_code
    said = capsys.readouterr()
    assert "A person's id is a UUID" in said.err
    assert "12345" not in said.out + said.err


def test_it_never_repeats_what_it_was_given(capsys: pytest.CaptureFixture[str], given: Callable[[str], Path]) -> None:
    for arguments in (
        ["--trn", "1234567", "--because", "of 1234567", "--yes"],
        ["--because", "of 1234567", "--yes"],
        ["--trn", "123456", "--yes"],
        ["1234567", "--yes"],
        ["--trn-file", str(given("123456")), "--yes"],
        ["--trn-file", str(given("1234567\n7654321")), "--yes"],
        ["--trn-file", str(given("")), "--yes"],
        ["--trn-file", "/nonexistent", "--yes"],
        ["--trn-file", str(given(PERSON)), "--trn", "-", "--yes"],
        ["--yes"],
    ):
        assert _main(["erase", *arguments]) == UsageError.exit_code, arguments
        said = capsys.readouterr()
        assert "123456" not in said.out + said.err


@pytest.mark.slow
def test_it_waits_for_nobody(
    databases: Databases, monkeypatch: pytest.MonkeyPatch, given: Callable[[str], Path]
) -> None:
    person = str(given(PERSON))
    monkeypatch.setattr("warehouse.cli.opening.Databases", lambda _: databases)
    with databases.at_warehouse() as warehouse:
        migrate(warehouse)
        with session_lock(warehouse, Lock.run), pytest.raises(AlreadyRunning):
            erase_person(person_id_file=person, yes=True, json=True)
        with session_lock(warehouse, Lock.deliver), pytest.raises(AlreadyRunning):
            erase_person(person_id_file=person, yes=True, json=True)
        # Nothing was ever replicated: there is no way to know what identifies the person.
        with pytest.raises(ErasureRefused, match="replication is not set up"):
            erase_person(person_id_file=person, yes=True, json=True)


@pytest.mark.slow
def test_a_dry_run_prints_places_and_never_the_person(
    databases: Databases,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: Callable[[str], Path],
) -> None:
    monkeypatch.setattr("warehouse.cli.opening.Databases", lambda _: databases)
    with databases.at_warehouse() as warehouse:
        migrate(warehouse)
        warehouse.execute("create table mine (person_id uuid)")
        warehouse.execute("insert into mine values (%s)", (PERSON,))
    erase_person(person_id_file=str(given(PERSON)), dry_run=True, json=False)
    said = capsys.readouterr().out
    assert "public.mine" in said
    assert "could not be erased now" in said
    assert PERSON not in said
