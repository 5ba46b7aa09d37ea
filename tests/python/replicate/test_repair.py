"""A repair that is interrupted at any step, damage without a gap, and a first copy that is gone on with."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.python.replicate.trouble import (
    Killed,
    Writer,
    equal,
    history_is_sound,
    kill_at,
    lose_slot,
    now,
    one,
    populate,
    slot_of,
)
from tests.python.replicate.world import PERSON, insert
from warehouse.core.databases import Databases
from warehouse.core.errors import ReplicationError, SlotLost
from warehouse.core.ledger import migrate
from warehouse.core.progress import Silent
from warehouse.replicate import Classification, compare, door, load_classification, replicate, run
from warehouse.replicate.compare.reconcile import reconcile
from warehouse.replicate.history import transactions
from warehouse.replicate.ledger import epochs, gaps
from warehouse.replicate.repair import repair
from warehouse.replicate.stream import subscription
from warehouse.replicate.sync import begin, compared, in_place, write
from warehouse.replicate.sync import parts as copy

pytestmark = pytest.mark.slow


@pytest.fixture
def world(prepared: Databases) -> Databases:
    return populate(prepared)


STEPS: list[tuple[Any, str]] = [
    (begin, "_begin"),
    (subscription, "stop"),
    (epochs, "end"),
    (epochs, "begin"),
    (gaps, "open_gap"),
    (subscription, "drop"),
    (begin, "drop_slot"),
    (begin, "create_slot"),
    (epochs, "slot_made"),
    (gaps, "ends_at"),
    (compared, "compare_tables"),
    (write, "_fetch"),
    (gaps, "wrote"),
    (gaps, "compared"),
    (begin, "_copy_the_others"),
    (subscription, "create"),
    (epochs, "streaming"),
    (gaps, "close"),
    (subscription, "enable"),
    (transactions, "place_snapshot"),
]


def test_a_repair_killed_between_any_two_steps_is_finished_by_the_next(
    world: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One lost slot after another, each repair killed at another step, before it and after it."""
    monkeypatch.setattr(write, "BATCH_ROWS", 3)
    writer, name = Writer(world), world.settings.warehouse_replication_name
    replicate(world, Silent())
    for number, (owner, step) in enumerate(STEPS):
        after = number % 2 == 0
        with world.at_source() as trs:
            for _ in range(3):
                writer.one(trs)
            lose_slot(world)
            for _ in range(5):
                writer.one(trs)
        with monkeypatch.context() as patch:
            kill_at(patch, owner, step, after)
            with pytest.raises(Killed):
                repair(world, Silent())
        with world.at_source() as trs:
            writer.one(trs)
        done = repair(world, Silent())
        replicate(world, Silent())
        assert equal(world), (step, after)
        recorded = one(
            world.at_warehouse,
            # A kill between a change of ours and its note costs a comparison, which may have a gap of its own.
            "select count(*) filter (where ended_epoch <> new_epoch), count(*) - count(repaired_at), max(gap_id)"
            " from ledger.gaps",
        )
        assert recorded[:2] == (number + 1, 0), "one slot was lost, and one gap is recorded"
        assert done.gap is None or done.gap.gap_id == recorded[2]
    history_is_sound(world)
    with world.at_warehouse() as warehouse, world.at_source() as trs:
        assert warehouse.execute("select count(*) from ledger.gaps where repaired_at is null").fetchone() == (0,)
        # Nothing was written twice: each version that a repair ended or began is counted once in the ledger.
        counted = warehouse.execute(
            "select (select sum(rows_updated + rows_deleted) from ledger.gaps),"
            " (select count(*) from versions.persons where ended_after is not null)"
        ).fetchone()
        assert counted is not None and counted[0] == counted[1] > len(STEPS)
        slots = trs.execute("select slot_name from pg_replication_slots where starts_with(slot_name, %s)", (name,))
        assert slots.fetchall() == [(slot_of(world),)]


def test_a_run_does_not_go_on_with_a_repair_unasked(world: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    replicate(world, Silent())
    lose_slot(world)
    with monkeypatch.context() as patch:
        kill_at(patch, compared, "compare_tables", after=False)
        with pytest.raises(Killed):
            repair(world, Silent())
    with pytest.raises(SlotLost, match="interrupted"):
        replicate(world, Silent())
    repair(world, Silent())
    replicate(world, Silent())


def test_nothing_to_repair_is_said_without_comparing(world: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ReplicationError, match="Nothing is replicated yet"):
        repair(world, Silent())
    replicate(world, Silent())
    kill_at(monkeypatch, compared, "compare_tables", after=False)
    assert repair(world, Silent()).gap is None


@pytest.mark.parametrize("many", [1, in_place.MANY_KEYS])
def test_damage_is_repaired_while_the_source_is_written_to(
    world: Databases, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    monkeypatch.setattr(in_place, "MANY_KEYS", many)
    gone, made_up, changed = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    with world.at_source() as trs:
        for number, person in enumerate((gone, changed)):
            insert(trs, "persons", {**PERSON, "person_id": person, "trn": f"200000{number}"})
    with Writer(world).writing() as writer:
        replicate(world, Silent())
        with world.at_warehouse() as warehouse:
            warehouse.execute("delete from persons where person_id = %s", (gone,))
            warehouse.execute("update persons set last_name = 'Wrong' where person_id = %s", (changed,))
            insert(warehouse, "persons", {**PERSON, "person_id": made_up, "trn": "2000009"})
        replicate(world, Silent())
        writer.wait(10)
        done = repair(world, Silent(), depth="all")
        writer.wait(10)
    replicate(world, Silent())
    assert equal(world)
    assert done.gap is not None
    # Only the damage was written: what the stream had yet to bring was left to it.
    assert (done.gap.rows_inserted, done.gap.rows_updated, done.gap.rows_deleted) == (1, 1, 1)
    assert done.gap.ended_epoch == done.gap.new_epoch
    assert repair(world, Silent(), depth="all").gap is None


@pytest.mark.parametrize(
    ("meanwhile", "untouched"),
    [
        ("select 1", True),
        ("begin; update things set n = 0; rollback", True),
        ("update things set n = n where id = 1", False),
        ("delete from things where id = 1", False),
        ("insert into things values (3, 3)", False),
        ("delete from things where id = 1; insert into things values (1, 1)", False),
    ],
)
def test_a_table_that_changed_between_two_snapshots_is_told(
    databases: Databases, meanwhile: str, untouched: bool
) -> None:
    with databases.at_source() as before, databases.at_source() as now, databases.at_source() as trs:
        migrate(trs)
        trs.execute("create table things (id int primary key, n int)")
        trs.execute("insert into things values (1, 1), (2, 2)")
        things = {"columns": {"id": "open", "n": "open"}}
        file = Classification.model_validate({"source": "trs", "schema": "public", "tables": {"things": things}})
        spec = compare.specs(trs, trs, file)[0]
        before.execute("begin isolation level repeatable read")
        before.execute("select 1")
        for statement in meanwhile.split("; "):
            trs.execute(statement.encode())
        now.execute("begin isolation level repeatable read")
        assert in_place._untouched(spec, before, now) == untouched


@pytest.mark.parametrize("share", [0.01, 0.9])
def test_much_damage_is_repaired_by_whole_tables_and_the_history_stays(
    world: Databases, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    whole: list[str] = []
    bring_over = write._all_rows
    monkeypatch.setattr(write, "WHOLE_AT_LEAST_ROWS", 1)
    monkeypatch.setattr(write, "_all_rows", lambda *of: whole.append(of[2].table) or bring_over(*of))
    replicate(world, Silent())
    lose_slot(world)
    with world.at_source() as trs:
        most = f"{int(300 * share):07d}"
        trs.execute("update persons set last_name = 'Jones' where trn < %s", (most,))
        trs.execute("delete from persons where trn < '0000002'")
    done = repair(world, Silent())
    assert whole == (["persons"] if share > 0.5 else [])
    assert done.gap is not None and done.gap.rows_deleted == 2
    assert done.gap.rows_updated == int(300 * share) - 2
    replicate(world, Silent())
    assert equal(world)
    history_is_sound(world)
    # A row that did not differ has one version.
    assert one(world.at_warehouse, "select count(*) from versions.persons") == (300 + int(300 * share) - 2,)


def test_a_first_copy_goes_on_with_what_it_has(world: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    parts_copied: list[str] = []
    whole = copy.copy_parts
    goes, stays = uuid.uuid4(), uuid.uuid4()
    with world.at_source() as trs:
        for number, person in enumerate((goes, stays)):
            insert(trs, "persons", {**PERSON, "person_id": person, "trn": f"200000{number}"})

    def counting(parts: list[copy.Part], **settings: Any) -> int:
        parts_copied.extend(part.table for part in parts)
        return whole(parts, **settings)

    def broken_off(parts: list[copy.Part], **settings: Any) -> int:
        counting([part for part in parts if part.table in ("persons", "alerts", "tps_employments")], **settings)
        raise Killed

    monkeypatch.setattr(copy, "copy_parts", counting)
    with monkeypatch.context() as patch:
        patch.setattr(copy, "copy_parts", broken_off)
        with pytest.raises(Killed):
            replicate(world, Silent())
    first_copy_at = now(world)
    with world.at_source() as trs:
        trs.execute("delete from persons where person_id = %s", (goes,))
        trs.execute("update persons set last_name = 'Jones' where person_id = %s", (stays,))
    report, _ = replicate(world, Silent())
    assert "first copy, resumed" in report.notes
    # Each table was read once.
    assert sorted(parts_copied) == sorted(load_classification().published)
    assert equal(world)
    with world.at_warehouse() as warehouse:
        assert warehouse.execute("select count(*) from persons").fetchone() == (301,)
        bounds = warehouse.execute(
            "select from_time < %s, to_time > %s, rows_inserted, rows_updated, rows_deleted, reason from ledger.gaps",
            (first_copy_at, first_copy_at),
        ).fetchall()
        assert bounds == [(True, True, 0, 1, 1, "the first copy was interrupted")]
        ended = warehouse.execute(
            "select ended_by, ended_after is not null from versions.persons where person_id = %s", (goes,)
        ).fetchall()
        assert ended == [("D", True)]
    history_is_sound(world)


def test_a_reset_after_a_lost_slot_starts_over(world: Databases) -> None:
    replicate(world, Silent())
    lose_slot(world)
    with door.connected(world) as ends:
        run.clear(ends, "reset by hand")
    report, _ = replicate(world, Silent())
    assert report.notes == ["first copy"]
    assert equal(world)


def test_damage_that_a_comparison_found_is_repaired_without_asking_for_another(world: Databases) -> None:
    replicate(world, Silent())
    with world.at_warehouse() as warehouse:
        warehouse.execute("delete from persons where trn < '0000010'")
    assert sum(table.missing for table in reconcile(world, Silent()).tables) == 10
    done = repair(world, Silent())
    assert done.gap is not None and done.gap.rows_inserted == 10
    assert all(table.is_equal for table in reconcile(world, Silent()).tables)
    assert repair(world, Silent()).gap is None
