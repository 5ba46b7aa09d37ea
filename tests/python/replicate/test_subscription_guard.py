"""The subscription and what keeps the history, altered by hand: told, set right, and doubted until compared."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.python.conftest import WorldDatabases
from tests.python.replicate.drifting import World, world
from tests.python.replicate.test_leaving_and_returning import publication, run, subscription, told
from warehouse.core.errors import AlteredMeanwhile, StreamStuck, SubscriptionAltered
from warehouse.core.progress import Silent
from warehouse.replicate import replicate
from warehouse.replicate.compare.reconcile import reconcile
from warehouse.replicate.repair import repair
from warehouse.replicate.stream import continuity, marks
from warehouse.replicate.stream import subscription as subscribing

__all__ = ["world"]
pytestmark = pytest.mark.slow


def codes(world: World) -> dict[str, int]:
    return {one.code: one.exit_code for one in told(world).reasons}


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 180
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def off(world: World) -> None:
    """As somebody does by hand; the source has noticed."""
    subscription(world, "disable")
    until(lambda: not slot(world)[1])


def slot(world: World) -> tuple[str, bool]:
    row = world.trs.execute(
        "select confirmed_flush_lsn::text, active from pg_replication_slots where slot_name = %s",
        (world.epoch.slot_name,),
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def options(world: World) -> tuple[object, ...] | None:
    return world.warehouse.execute(
        "select subpublications, suborigin, subslotname, subskiplsn::text, subenabled from pg_subscription"
        " where subname = %s",
        (world.name,),
    ).fetchone()


def ours(world: World) -> tuple[object, ...]:
    return ([world.name], "any", world.epoch.slot_name, "0/0", True)


def settled_by_a_repair(world: World) -> None:
    run(world)
    assert codes(world) != {}, "what may have been missed is told until it is compared"
    repair(world.databases, Silent())
    world.assert_equal("people")
    run(world)
    assert codes(world) == {}
    assert options(world) == ours(world)
    world.trs.execute("update people set note = 'after' where age = 5")
    world.assert_equal("people")


def test_another_publication(world: World) -> None:
    world.trs.execute(sql.SQL("create publication {} for table posts").format(sql.Identifier(f"{world.name}_other")))
    subscription(world, f"set publication {world.name}_other with (refresh = false)")
    world.trs.execute("update people set note = 'lost' where age = 1")
    assert codes(world)["subscription_altered"] == SubscriptionAltered.exit_code
    assert [kind for kind, _ in world.found()].count("subscription") == 1
    settled_by_a_repair(world)


def test_an_origin_that_leaves_changes_out(world: World) -> None:
    subscription(world, "set (origin = none)")
    assert "leaves out" in told(world).reasons[0].what
    world.trs.execute("select pg_replication_origin_create('elsewhere')")
    try:
        with world.databases.at_source() as other:
            other.execute("select pg_replication_origin_session_setup('elsewhere')")
            other.execute("update people set note = 'lost' where age = 1")
    finally:
        until(lambda: drop_origin(world))
    settled_by_a_repair(world)


def drop_origin(world: World) -> bool:
    try:
        world.trs.execute("select pg_replication_origin_drop('elsewhere')")
    except psycopg.errors.ObjectInUse:
        return False
    return True


def test_another_slot(world: World) -> None:
    off(world)
    world.trs.execute("update people set note = 'lost' where age = 1")
    other = f"{world.name}_adv"
    world.trs.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", (other,))
    subscription(world, f"set (slot_name = '{other}')")
    subscription(world, "enable")
    world.trs.execute("update people set note = 'came' where age = 2")
    until(lambda: world.warehouse.execute("select count(*) from people where note = 'came'").fetchone() != (0,))
    assert codes(world)["subscription_altered"] == SubscriptionAltered.exit_code
    settled_by_a_repair(world)
    world.trs.execute("select pg_drop_replication_slot(%s)", (other,))


def test_a_position_to_skip_is_taken_back_before_anything_is_lost(world: World) -> None:
    off(world)
    world.trs.execute("update people set note = 'kept' where age = 1")
    row = world.trs.execute("select pg_current_wal_insert_lsn()::text").fetchone()
    assert row is not None
    subscription(world, f"skip (lsn = '{row[0]}')")
    assert "skip" in str(told(world).reasons)
    run(world)
    assert options(world) == ours(world)
    world.assert_equal("people")


def test_a_publication_read_for_a_moment_and_put_back(world: World) -> None:
    """Nothing shows it but the transaction that wrote the subscription's row last."""
    world.trs.execute(sql.SQL("create publication {} for table posts").format(sql.Identifier(f"{world.name}_other")))
    subscription(world, f"set publication {world.name}_other with (refresh = false)")
    world.trs.execute("update people set note = 'lost' where age = 1")
    world.sync()
    subscription(world, f"set publication {world.name} with (refresh = false)")
    assert codes(world) == {"altered_meanwhile": AlteredMeanwhile.exit_code}
    # It is still known after a run has noted the subscription as it is now.
    run(world)
    assert codes(world) == {"altered_meanwhile": AlteredMeanwhile.exit_code}
    assert "the subscription" in told(world).reasons[0].what
    settled_by_a_repair(world)


def test_a_slot_that_was_advanced_by_hand(world: World) -> None:
    off(world)
    # A slot is only advanced over what is durable.
    world.trs.execute("set synchronous_commit = on")
    world.trs.execute("update people set note = 'lost' where age = 1")
    world.trs.execute("select pg_replication_slot_advance(%s, pg_current_wal_lsn())", (world.epoch.slot_name,))
    run(world)
    assert codes(world) == {"altered_meanwhile": AlteredMeanwhile.exit_code}
    settled_by_a_repair(world)


def switched_off_by_postgresql(world: World) -> None:
    """After an error, as `disable_on_error` has it."""
    world.trs.execute(
        "select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = %s and active",
        (world.epoch.slot_name,),
    )
    until(lambda: (options(world) or (True,))[-1] is False)
    until(lambda: not slot(world)[1])


def test_a_slot_that_was_advanced_after_postgresql_had_switched_the_stream_off(world: World) -> None:
    switched_off_by_postgresql(world)
    assert list(codes(world)) == ["stopped"]
    world.trs.execute("set synchronous_commit = on")
    world.trs.execute("update people set note = 'lost' where age = 1")
    world.trs.execute("select pg_replication_slot_advance(%s, pg_current_wal_lsn())", (world.epoch.slot_name,))
    assert "altered_meanwhile" in codes(world)
    settled_by_a_repair(world)


@pytest.mark.parametrize("looked", [True, False])
def test_a_position_that_was_advanced_by_hand_in_the_warehouse(world: World, looked: bool) -> None:
    """Found by a look that came before it, and without one if nothing was applied since the last command."""
    world.trs.execute("update people set note = 'applied' where age = 2")
    run(world)
    switched_off_by_postgresql(world)
    if looked:
        assert list(codes(world)) == ["stopped"]
    world.trs.execute("set synchronous_commit = on")
    world.trs.execute("update people set note = 'lost' where age = 1")
    row = world.trs.execute("select pg_current_wal_lsn()::text").fetchone()
    assert row is not None
    world.warehouse.execute(
        "select pg_replication_origin_advance('pg_' || oid, %s) from pg_subscription where subname = %s",
        (row[0], world.name),
    )
    run(world)
    assert codes(world) == {"altered_meanwhile": AlteredMeanwhile.exit_code}
    settled_by_a_repair(world)


def test_a_user_who_may_read_one_column_more_sees_what_was_put_back(world: World) -> None:
    """No superuser may read who wrote the subscription last, unless that column is granted."""
    role = f"reader_{world.name}"
    world.warehouse.execute(sql.SQL("create role {} login password 'reader'").format(sql.Identifier(role)))
    world.warehouse.execute(sql.SQL("grant pg_monitor to {}").format(sql.Identifier(role)))
    conninfo = make_conninfo(world.databases.warehouse_conninfo, user=role, password="reader")
    with psycopg.connect(conninfo, autocommit=True) as reader:
        assert marks._mark(reader) == marks._READABLE
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("select xmin from pg_subscription")
        world.warehouse.execute(sql.SQL("grant select (xmin) on pg_subscription to {}").format(sql.Identifier(role)))
        assert marks._mark(reader) == marks._WRITTEN_BY
        ends = replace(world.ends, warehouse=reader)
        before = marks._read(ends)
        subscription(world, "disable")
        subscription(world, "enable")
        after = marks._read(ends)
        assert before["the subscription"] != after["the subscription"]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("select subconninfo from pg_subscription")
    world.warehouse.execute(sql.SQL("drop owned by {}").format(sql.Identifier(role)))
    world.warehouse.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))


def test_a_publication_that_sent_only_inserts_for_a_moment(world: World) -> None:
    publication(world, "set (publish = 'insert')")
    world.trs.execute("update people set note = 'lost' where age = 1")
    world.sync()
    publication(world, "set (publish = 'insert, update, delete, truncate')")
    assert "the publication" in told(world).reasons[0].what
    settled_by_a_repair(world)


@pytest.mark.parametrize("settle", ["reconcile", "repair"])
def test_a_trigger_that_was_off_for_a_moment(world: World, settle: str) -> None:
    world.warehouse.execute("alter table people disable trigger c_keep_history")
    world.trs.execute("update people set note = 'no version' where age = 1")
    world.sync()
    world.warehouse.execute("alter table people enable always trigger c_keep_history")
    now = told(world)
    assert [one.code for one in now.reasons] == ["altered_meanwhile"]
    assert "trigger c_keep_history of people" in now.reasons[0].what
    run(world)
    # Another table's comparison does not settle it; that of all does, and the times stay on record.
    reconcile(world.databases, Silent(), only=["posts"])
    assert "altered_meanwhile" in codes(world)
    if settle == "reconcile":
        reconcile(world.databases, Silent())
    else:
        repair(world.databases, Silent())
    assert codes(world) == {}
    row = world.warehouse.execute("select count(*), bool_and(since < found_at) from ledger.doubts").fetchone()
    assert row == (1, True)


def test_a_function_that_was_replaced_and_put_back(world: World) -> None:
    row = world.warehouse.execute("select pg_get_functiondef('history.people_keep'::regproc)").fetchone()
    assert row is not None
    world.warehouse.execute(
        "create or replace function history.people_keep() returns trigger language plpgsql"
        " as $$ begin return new; end $$"
    )
    world.warehouse.execute(row[0].encode())
    assert "history.people_keep" in told(world).reasons[0].what


def test_what_our_own_commands_do_is_never_doubted(world: World) -> None:
    world.trs.execute("alter table people add column score int default 7")
    world.file["people"]["score"] = "open"
    run(world)
    repair(world.databases, Silent(), depth="all")
    world.trs.execute("create table later as select n as id from generate_series(1, 5) as n")
    world.trs.execute("alter table later add primary key (id)")
    world.file["later"] = {"id": "open"}
    run(world)
    run(world)
    assert codes(world) == {}
    # PostgreSQL switches the stream off after an error, and a run switches it on again: nothing of it is by hand.
    world.trs.execute(
        "select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = %s and active",
        (world.epoch.slot_name,),
    )
    until(lambda: (options(world) or (True,))[-1] is False)
    assert list(codes(world)) == ["stopped"]
    run(world)
    assert codes(world) == {}
    assert world.warehouse.execute("select count(*) from ledger.doubts").fetchone() == (0,)


def test_an_error_that_postgresql_counts_a_moment_later(
    databases: WorldDatabases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its worker switches the stream off, and only then hands in its counters: a look between waits for them."""
    with databases.at_warehouse() as warehouse:
        warehouse.execute("create temporary table counted as select '3' as errors")
        monkeypatch.setattr(marks, "_ERRORS", "select 'errors of ' || %(name)s, null, errors from counted")
        monkeypatch.setattr(marks, "COUNTED_WITHIN_SECONDS", 0)
        assert not marks._has_counted_an_error(warehouse, "one", noted="3")
        monkeypatch.setattr(marks, "COUNTED_WITHIN_SECONDS", 60)
        monkeypatch.setattr(marks.time, "sleep", lambda _: warehouse.execute("update counted set errors = '4'"))
        assert marks._has_counted_an_error(warehouse, "one", noted="3")


def test_a_conflict_that_was_skipped_by_hand_is_not_called_resolved(world: World) -> None:
    with world.warehouse.transaction():
        world.warehouse.execute("set local session_replication_role = replica")
        world.warehouse.execute("insert into people (person_id, age) values (%s, 77)", ("0" * 32,))
    with world.trs.transaction():
        world.trs.execute("insert into people (person_id, age) values (%s, 78)", ("0" * 32,))
        world.trs.execute("update people set note = 'lost' where age = 1")
    until(lambda: (options(world) or (True,))[-1] is False)
    until(lambda: not slot(world)[1])
    assert "conflict" in codes(world)
    row = world.warehouse.execute("select lsn::text from ledger.conflicts").fetchone()
    assert row is not None
    subscription(world, f"skip (lsn = '{row[0]}')")
    subscription(world, "enable")
    world.sync()
    found = codes(world)
    assert found["skipped_by_hand"] == SubscriptionAltered.exit_code
    assert world.warehouse.execute("select state from ledger.conflicts").fetchone() == ("skipped",)
    assert world.warehouse.execute("select decided_by from ledger.skipped_transactions").fetchone() == (
        "somebody, by hand",
    )
    repair(world.databases, Silent())
    world.assert_equal("people")
    # The row that was written here by hand is another reason, and stays one for longer.
    assert not {"skipped_by_hand", "altered_meanwhile"} & codes(world).keys()


def test_a_sender_of_ours_that_was_left_behind_is_not_another_consumer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(continuity.subscription, "LETTING_GO_SECONDS", 1)
    off(world)
    conninfo = make_conninfo(
        world.databases.source_conninfo, replication="database", application_name=subscribing.APPLICATION
    )
    with closing(psycopg.connect(conninfo, autocommit=True)) as frozen:
        command = (
            f"START_REPLICATION SLOT {world.epoch.slot_name} LOGICAL 0/0"
            f" (proto_version '1', publication_names '{world.name}')"
        )
        frozen.pgconn.send_query(command.encode())
        frozen.pgconn.get_result()
        now = told(world)
        assert (now.reasons[0].code, now.exit_code) == ("stuck", StreamStuck.exit_code)
        with pytest.raises(StreamStuck, match="sender of the warehouse") as caught:
            replicate(world.databases, Silent())
        assert "Wait" in caught.value.next_command
        subscription(world, "enable")
        # For the moment of each of its attempts the apply worker runs, and then it is not the sender that is told.
        until(lambda: (now := told(world)).reasons[0].code == "stuck" and now.exit_code == StreamStuck.exit_code)
    until(lambda: told(world).reasons[0].code != "stuck")
    run(world)
