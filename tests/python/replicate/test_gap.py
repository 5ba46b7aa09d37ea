"""A slot that is lost, created again or taken: found before a row is applied, and repaired into equality."""

from __future__ import annotations

import json
import os
import subprocess
import time
import uuid

import psycopg
import pytest

from tests.python.replicate.trouble import (
    Killed,
    Writer,
    end_and_drop,
    equal,
    history_is_sound,
    kill_at,
    lose_slot,
    now,
    one,
    populate,
    slot_of,
)
from tests.python.replicate.world import PERSON, insert, rows_digest
from tests.python.waiting import until
from warehouse.cli.replicate.repair import repair_gap
from warehouse.core.databases import Databases
from warehouse.core.errors import SlotLost, SlotTaken
from warehouse.core.progress import Silent
from warehouse.replicate import replicate
from warehouse.replicate.repair import repair
from warehouse.replicate.stream import notes, subscription
from warehouse.replicate.stream.lsn import applied_lsn, as_bytes
from warehouse.replicate.stream.mark import wait_until_applied
from warehouse.replicate.stream.slot import read_slot

pytestmark = pytest.mark.slow


@pytest.fixture
def world(prepared: Databases) -> Databases:
    return populate(prepared)


def test_a_slot_lost_under_load_is_repaired_into_equality(world: Databases) -> None:
    stays, goes, comes = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    with world.at_source() as trs:
        insert(trs, "persons", {**PERSON, "person_id": stays, "trn": "2000001"})
        insert(trs, "persons", {**PERSON, "person_id": goes, "trn": "2000002"})
    with Writer(world).writing() as writer:
        replicate(world, Silent())
        writer.wait(20)
        lose_slot(world)
        lost_from = now(world)
        with world.at_source() as trs:
            trs.execute("update persons set last_name = 'Jones' where person_id = %s", (stays,))
            trs.execute("delete from persons where person_id = %s", (goes,))
            insert(trs, "persons", {**PERSON, "person_id": comes, "trn": "2000003"})
        lost_to = now(world)
        writer.wait(20)
        with pytest.raises(SlotLost) as caught:
            replicate(world, Silent())
        assert "warehouse replicate repair" in caught.value.next_command
        writer.wait(20)
        done = repair(world, Silent())
        writer.wait(20)
    replicate(world, Silent())
    assert equal(world)
    history_is_sound(world)
    gap = done.gap
    assert gap is not None and gap.to_time is not None
    # The bounds hold every change that was lost.
    assert gap.from_time < lost_from < lost_to < gap.to_time
    assert one(world.at_warehouse, "select count(*) from ledger.gaps where repaired_at is not null") == (1,)
    with world.at_warehouse() as warehouse:
        ends = warehouse.execute(
            "select person_id, ended_by, ended_after, known_to from versions.persons"
            " where person_id = any(%s) and known_to is not null",
            ([stays, goes],),
        ).fetchall()
        assert {row[0]: row[1:] for row in ends} == {
            stays: ("U", gap.from_time, gap.to_time),
            goes: ("D", gap.from_time, gap.to_time),
        }
        began = warehouse.execute(
            "select began_after, known_from from versions.persons where person_id = %s", (comes,)
        ).fetchall()
        assert began == [(gap.from_time, gap.to_time)]
        epochs = warehouse.execute(
            "select state, slot_name, continues, end_lsn is not null, last_commit_at from ledger.epochs"
            " order by epoch_id"
        ).fetchall()
        name = world.settings.warehouse_replication_name
        assert epochs == [
            ("ended", f"{name}_1", None, True, gap.from_time),
            ("streaming", f"{name}_2", 1, False, None),
        ]
        # What the repair says it did to the table is what is in the history.
        written = warehouse.execute(
            "select count(*) filter (where ended_by = 'D'), count(*) filter (where ended_by = 'U')"
            " from versions.persons where ended_after is not null"
        ).fetchone()
        assert written == (gap.rows_deleted, gap.rows_updated)
    with world.at_source() as trs:
        slots = trs.execute("select slot_name from pg_replication_slots where starts_with(slot_name, %s)", (name,))
        assert slots.fetchall() == [(f"{name}_2",)]


def test_a_slot_made_anew_by_hand_sends_no_row(world: Databases) -> None:
    """PostgreSQL alone streams from it at once: 20 inserts, 51 updates and 11 deletes were lost when that was tried."""
    with Writer(world).writing() as writer:
        replicate(world, Silent())
        writer.wait(10)
        slot = slot_of(world)
        with world.at_source() as trs:
            end_and_drop(trs, slot)
            writer.wait(20)
            trs.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", (slot,))
        writer.wait(20)
        with world.at_warehouse() as warehouse:
            applied = rows_digest(warehouse, "persons")
            # Longer than PostgreSQL's five seconds between two attempts.
            time.sleep(6)
            assert rows_digest(warehouse, "persons") == applied
            with pytest.raises(SlotLost):
                replicate(world, Silent())
            assert rows_digest(warehouse, "persons") == applied
            assert not subscription.is_enabled(warehouse, world.settings.warehouse_replication_name)
        done = repair(world, Silent())
    replicate(world, Silent())
    assert done.gap and done.gap.rows > 0
    assert equal(world)
    history_is_sound(world)


def test_a_slot_made_anew_on_a_quiet_source_is_found_too(world: Databases) -> None:
    """Nothing published was lost, but that is not known before it was looked at."""
    replicate(world, Silent())
    slot = slot_of(world)
    with world.at_source() as trs:
        end_and_drop(trs, slot)
        trs.execute("create table unpublished as select generate_series(1, 1000)")
        trs.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", (slot,))
    with pytest.raises(SlotLost, match="created again"):
        replicate(world, Silent())
    done = repair(world, Silent())
    assert done.gap is not None and done.gap.rows == 0


def killed_before_its_first_look(world: Databases, monkeypatch: pytest.MonkeyPatch) -> str:
    """A first copy that streams, and of which nobody has noted how far it came; returns the slot."""
    with monkeypatch.context() as patch:
        kill_at(patch, notes, "note", after=False)
        with pytest.raises(Killed):
            replicate(world, Silent())
    return slot_of(world)


def test_a_stream_that_nobody_has_looked_at_yet_is_known_as_ours(
    world: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL notes every 15 seconds what runs at the source, and from then on the slot begins there."""
    slot = killed_before_its_first_look(world, monkeypatch)
    start = as_bytes(one(world.at_warehouse, "select start_lsn::text from ledger.epochs")[0])
    with world.at_source() as trs, world.at_warehouse() as warehouse:

        def has_moved_on() -> bool:
            trs.execute("checkpoint")
            seen, applied = read_slot(trs, slot), applied_lsn(warehouse, world.settings.warehouse_replication_name)
            assert seen is not None
            return seen.restart >= max(start, applied or 0) < seen.confirmed

        until("the slot begins after all that was applied", has_moved_on)
    replicate(world, Silent())
    assert one(world.at_warehouse, "select count(*) from ledger.epochs") == (1,)


def test_a_slot_made_anew_before_anybody_has_looked_is_found_too(
    world: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    slot = killed_before_its_first_look(world, monkeypatch)
    with world.at_source() as trs:
        end_and_drop(trs, slot)
        trs.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", (slot,))
    with pytest.raises(SlotLost, match="created again"):
        replicate(world, Silent())


def test_a_quiet_source_is_no_gap(world: Databases) -> None:
    """The slot's position moves on with WAL that is not published; nothing is wrong with that."""
    replicate(world, Silent())
    name = world.settings.warehouse_replication_name
    with world.at_source() as trs, world.at_warehouse() as warehouse:
        for _ in range(3):
            trs.execute("create table unpublished as select generate_series(1, 1000)")
            trs.execute("drop table unpublished")
            trs.execute("checkpoint")
            wait_until_applied(trs, warehouse, name, Silent())
        # A break in the connection: PostgreSQL switches the stream off.
        trs.execute(
            "select pg_terminate_backend(active_pid, 5000) from pg_replication_slots where slot_name = %s",
            (slot_of(world),),
        )
        _until_off(world)
        replicate(world, Silent())
        assert subscription.is_enabled(warehouse, name)
    assert repair(world, Silent()).gap is None


def _until_off(world: Databases) -> None:
    name = world.settings.warehouse_replication_name
    with world.at_warehouse() as warehouse:
        until("PostgreSQL switches it off after an error", lambda: not subscription.is_enabled(warehouse, name))


def test_automatic_repair_is_told_in_the_summary(world: Databases) -> None:
    world.settings = world.settings.model_copy(update={"warehouse_repair": "automatic"})
    with Writer(world).writing() as writer:
        replicate(world, Silent())
        lose_slot(world)
        writer.wait(20)
        report, _ = replicate(world, Silent())
    assert any(note.startswith("repaired gap 1") for note in report.notes)
    replicate(world, Silent())
    assert equal(world)


def test_a_slot_that_the_source_gave_up_is_a_gap(world: Databases) -> None:
    """`max_slot_wal_keep_size` was too small for the time that the warehouse was away."""
    replicate(world, Silent())
    name, slot = world.settings.warehouse_replication_name, slot_of(world)
    with world.at_source() as trs, world.at_warehouse() as warehouse:
        subscription.stop(warehouse, name)
        trs.execute("alter system set max_slot_wal_keep_size = '1MB'")
        trs.execute("select pg_reload_conf()")
        try:
            trs.execute("update persons set last_name = 'Jones' where trn < '0000100'")
            for _ in range(3):
                trs.execute("select pg_switch_wal()")
                trs.execute("create table unpublished as select generate_series(1, 1000)")
                trs.execute("drop table unpublished")
            trs.execute("checkpoint")
            status = trs.execute("select wal_status from pg_replication_slots where slot_name = %s", (slot,)).fetchone()
            assert status == ("lost",)
        finally:
            trs.execute("alter system reset max_slot_wal_keep_size")
            trs.execute("select pg_reload_conf()")
        with pytest.raises(SlotLost, match="gave the slot up"):
            replicate(world, Silent())
        done = repair(world, Silent())
        assert done.gap is not None
        assert (done.gap.rows_inserted, done.gap.rows_updated, done.gap.rows_deleted) == (0, 100, 0)
        # The lost slot does not stay behind.
        assert trs.execute("select 1 from pg_replication_slots where slot_name = %s", (slot,)).fetchone() is None
    assert equal(world)


def test_a_slot_in_another_hand_is_not_fought_over(world: Databases) -> None:
    replicate(world, Silent())
    name, slot = world.settings.warehouse_replication_name, slot_of(world)
    program = world.cluster("trs")._binaries.folder / "pg_recvlogical"
    with world.at_warehouse() as warehouse:
        subscription.stop(warehouse, name)
    reader = subprocess.Popen(
        [
            *(str(program), "--start", "--slot", slot, "-f", os.devnull, "--no-loop"),
            *("--status-interval=1", "--fsync-interval=1"),
            *("-o", "proto_version=1", "-o", f"publication_names={name}", "-d", world.source_conninfo),
        ],
        stderr=subprocess.DEVNULL,
    )
    try:
        with world.at_source() as trs:
            active = "select active from pg_replication_slots where slot_name = %s"
            until("the other one reads from it", lambda: one(world.at_source, active, slot)[0])
            with pytest.raises(SlotTaken, match="pg_recvlogical"):
                replicate(world, Silent())
            with pytest.raises(SlotTaken, match="pg_recvlogical"):
                repair(world, Silent())
            trs.execute("update persons set last_name = 'Taken' where trn < '0000010'")
            _until_confirmed(trs, slot)
    finally:
        reader.terminate()
        reader.wait()
    # What the other one took is not taken for applied.
    with pytest.raises(SlotLost, match="pg_recvlogical has read from the slot"):
        replicate(world, Silent())
    done = repair(world, Silent())
    assert done.gap is not None and done.gap.rows_updated == 10
    assert equal(world)


def _until_confirmed(trs: psycopg.Connection, slot: str) -> None:
    row = trs.execute("select pg_current_wal_insert_lsn()::text").fetchone()
    assert row is not None
    confirmed = "select confirmed_flush_lsn >= %s::pg_lsn from pg_replication_slots where slot_name = %s"
    until("it is confirmed", lambda: trs.execute(confirmed, (row[0], slot)).fetchone() == (True,))


def test_a_subscription_dropped_by_hand_is_a_gap(world: Databases) -> None:
    replicate(world, Silent())
    with world.at_warehouse() as warehouse:
        subscription.drop(warehouse, world.settings.warehouse_replication_name)
    with world.at_source() as trs:
        trs.execute("delete from persons where trn < '0000010'")
    with pytest.raises(SlotLost, match="subscription"):
        replicate(world, Silent())
    done = repair(world, Silent())
    assert done.gap is not None and done.gap.rows_deleted == 10
    assert equal(world)


def test_the_command_says_what_it_did(
    world: Databases, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(world, "start", list)
    monkeypatch.setattr("warehouse.cli.opening.Databases", lambda _: world)
    replicate(world, Silent())
    repair_gap(json=False)
    assert "Nothing to repair" in capsys.readouterr().out
    lose_slot(world)
    with world.at_source() as trs:
        trs.execute("delete from persons where trn < '0000010'")
    with pytest.raises(SlotLost) as caught:
        replicate(world, Silent())
    since = one(world.at_warehouse, "select to_char(snapshot_at at time zone 'UTC', 'HH24:MI:SS') from ledger.epochs")[
        0
    ]
    assert f"{since} UTC may be missing" in caught.value.meaning
    repair_gap(json=True)
    told = json.loads(capsys.readouterr().out)
    assert (told["gap"]["rows_deleted"], told["left"]) == (10, 0)
    assert [table["table"] for table in told["tables"] if table["rows_deleted"]] == ["persons"]
