"""Short locks, clear words when one cannot be had, and nothing half done; and the commands."""

from __future__ import annotations

import json

import psycopg
import pytest

from tests.python.replicate.drifting import World, world, writing
from warehouse.cli.replicate import apply as apply_command
from warehouse.cli.replicate import drift as drift_command
from warehouse.core.errors import DriftHeld, NewColumnsHeld, UsageError
from warehouse.core.progress import Silent
from warehouse.replicate import door, drift, replicate, run, status
from warehouse.replicate.drift import locks, new_tables
from warehouse.replicate.replica import manual_writes
from warehouse.replicate.stream.mark import emit_mark

__all__ = ["world"]
pytestmark = pytest.mark.slow


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "LOCK_MILLISECONDS", 100)
    monkeypatch.setattr(locks, "TRIES", 2)
    monkeypatch.setattr(locks, "PAUSE_SECONDS", 0.05)


@pytest.mark.usefixtures("impatient")
def test_an_analyst_who_holds_a_lock_is_named_and_nothing_is_half_done(world: World) -> None:
    world.trs.execute("alter table people add column score int default 7")
    world.file["people"]["score"] = "open"
    with writing(world), world.databases.at_warehouse() as analyst:
        analyst.execute("set application_name = 'notebook'")
        analyst.execute("begin")
        analyst.execute("select count(*) from people")
        error = world.apply().error()
        assert isinstance(error, DriftHeld)
        assert "people is locked in the warehouse" in error.what
        assert "(notebook)" in error.what
        assert world.found() == [("add column", "people.score")]
        assert world.state("people", "score") is None
        world.sync()
        analyst.execute("commit")
        assert world.apply().error() is None
    world.assert_equal("people")


@pytest.mark.usefixtures("impatient")
def test_a_lock_at_the_source_is_not_waited_for_and_blocks_nobody(world: World) -> None:
    world.trs.execute("alter table people add column score int default 7")
    world.file["people"]["score"] = "open"
    with writing(world) as seen, world.databases.at_source() as vacuum:
        vacuum.execute("begin")
        vacuum.execute("lock table people in share update exclusive mode")
        before = seen["written"]
        error = world.apply().error()
        assert isinstance(error, DriftHeld)
        assert "locked in the operational database" in error.what
        # The source's own writers went on all the while.
        assert seen["written"] > before
        assert world.state("people", "score") == "adding"
        assert ("publish", "people.score") in world.found()
        vacuum.execute("commit")
        assert world.apply().error() is None
    world.assert_equal("people")


def test_a_run_carries_out_what_is_classified_and_tells_the_rest_at_its_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.trs.execute("alter table people add column score int default 7")
    world.trs.execute("alter table people add column mystery text")
    world.file["people"]["score"] = "open"
    with writing(world):
        world.release("people.age")
        world.trs.execute("alter table people drop column age")
        _, held = replicate(world.databases, Silent())
    assert held.columns == [("people", "mystery")]
    assert isinstance(held.first, DriftHeld)
    assert "people.age" in held.first.what
    # What we hold is not reported as altered by somebody else.
    assert [reason.code for reason in status(world.databases).reasons if "altered" in reason.code] == []
    del world.file["people"]["age"]
    _, held = replicate(world.databases, Silent())
    assert held.first is None
    world.assert_equal("people")
    assert world.state("people", "score") == "complete"


def test_a_run_goes_on_when_a_rename_had_stopped_the_stream(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.trs.execute("alter table people rename column age to years")
    world.trs.execute("update people set years = years + 1")
    world.trs.execute("alter table posts rename to jobs")
    world.trs.execute("update jobs set title = 'head'")
    _, held = replicate(world.databases, Silent())
    assert isinstance(held.first, DriftHeld)
    assert [reason for reason in status(world.databases).reasons if "altered" in reason.code] == []
    world.trs.execute("update people set name = 'on'")
    _, held = replicate(world.databases, Silent())
    assert world.warehouse.execute("select distinct name from people").fetchall() == [("on",)]


def test_what_cannot_be_let_go_of_is_refused(world: World) -> None:
    for name in ("people.person_id", "people.nin", "nothing.here", "people"):
        with pytest.raises(UsageError):
            world.release(name)


def test_the_commands(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(type(world.databases), "start", lambda _: [])
    monkeypatch.setattr("warehouse.cli.opening.Databases", lambda _: world.databases)
    drift_command.show_drift(json=False)
    assert "agree" in capsys.readouterr().out
    world.trs.execute("alter table people add column score int default 7")
    with pytest.raises(NewColumnsHeld):
        drift_command.show_drift(json=True)
    found = json.loads(capsys.readouterr().out)["differences"]
    assert [(one["kind"], one["table"], one["column"]) for one in found] == [("new column", "people", "score")]
    world.file["people"]["score"] = "open"
    drift_command.show_drift(json=False)
    assert (
        "people.score: it is classified and not in the warehouse yet; added, published and back-filled"
        in capsys.readouterr().out
    )
    apply_command.apply_drift(accept=None, release=None, json=True)
    assert len(json.loads(capsys.readouterr().out)["done"]) == 3
    apply_command.apply_drift(accept=None, release=None, json=False)
    assert "Nothing to do." in capsys.readouterr().out
    apply_command.apply_drift(accept=None, release=["people.score"], json=False)
    assert drift.differences(world.trs, world.warehouse, world.name, world.classification)[0].kind == "released"
    with pytest.raises(UsageError):
        apply_command.apply_drift(accept=["people"], release=["people.score"], json=False)


def test_a_write_by_hand_into_a_table_that_was_just_made_is_noted(world: World) -> None:
    """The triggers come with the table, not with the next run: nobody would know of a write in between."""
    world.trs.execute("create table schools (urn int primary key, name text)")
    world.trs.execute("insert into schools values (1, 'one')")
    world.file["schools"] = {"urn": "open", "name": "open"}
    assert world.apply().error() is None
    world.warehouse.execute("update schools set name = 'other'")
    noted = world.warehouse.execute("select table_name, operation, rows from ledger.hand_writes").fetchall()
    assert noted == [("schools", "update", 1)]


def test_a_copy_on_a_quiet_source_is_helped_over_its_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL hands a copied table over once the stream has passed the end of the copy: a mark carries it there."""
    marks: list[object] = []
    with world.databases.at_source() as other:
        # The copy's slot waits for this transaction, which ends with the first mark: without one, nothing moves.
        other.execute("begin")
        other.execute("select pg_current_xact_id()")

        def mark(source: psycopg.Connection) -> None:
            marks.append(emit_mark(source))
            other.execute("rollback")

        monkeypatch.setattr(new_tables, "NUDGE_SECONDS", 0.5)
        monkeypatch.setattr(new_tables, "emit_mark", mark)
        world.trs.execute("create table schools (urn int primary key)")
        world.file["schools"] = {"urn": "open"}
        assert world.apply().error() is None
    assert marks != []
    assert world.state("schools", "") == "complete"


def test_the_first_copy_leaves_no_table_unguarded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """However it ends: a table that is whole has its triggers before the run is over."""
    monkeypatch.setattr(manual_writes, "note_them", lambda *_, **given: made.append(given["only"]) if given else 0)
    made: list[str] = []
    with door.connected(world.databases) as ends:
        run.clear(ends, "a test")
    replicate(world.databases, Silent())
    assert sorted(made) == ["people", "posts"]
