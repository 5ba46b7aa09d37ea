"""`warehouse replicate status`: what each trouble is told as, on real clusters. Its rules are in test_judge."""

from __future__ import annotations

import json
import uuid
from contextlib import closing

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from typer.testing import CliRunner

from tests.python.replicate.conftest import Sync
from tests.python.replicate.world import PERSON, insert
from tests.python.waiting import until
from warehouse.cli.replicate import app
from warehouse.core.databases import Databases
from warehouse.core.errors import UsageError
from warehouse.core.finding import Finding
from warehouse.core.progress import Silent
from warehouse.core.settings import PROJECT
from warehouse.core.writer import write_on_purpose
from warehouse.replicate import Status, load_classification, replicate, status
from warehouse.replicate.compare.reconcile import reconcile
from warehouse.replicate.integrity import alterations


@pytest.fixture
def world(world: Databases, sync: Sync) -> Databases:
    """A stream that has brought one person."""
    sync()
    add_person(world)
    sync()
    return world


def add_person(databases: Databases) -> uuid.UUID:
    person = uuid.uuid4()
    with databases.at_source() as trs:
        insert(trs, "persons", {**PERSON, "person_id": person, "trn": person.hex[:7]})
    return person


def told(databases: Databases, **how: float) -> Status:
    return status(databases, **{"pause": 0.5, **how})


def reason(now: Status, code: str) -> Finding:
    return next(found for found in now.reasons if found.code == code)


@pytest.mark.slow
def test_a_stream_in_good_order(world: Databases) -> None:
    now = told(world)
    assert (now.state, now.healthy, now.exit_code, now.reasons) == ("streaming", True, 0, [])
    assert now.lag_seconds is not None and now.last_commit_at is not None
    with world.at_warehouse() as warehouse:
        kept = warehouse.execute("select state from ledger.replication_looks order by look_id desc limit 1").fetchone()
        assert kept == ("streaming",)


@pytest.mark.slow
def test_a_quiet_source_is_not_a_stuck_stream(world: Databases) -> None:
    with world.at_source() as trs, world.at_warehouse() as warehouse:
        # WAL of no concern to us goes on; our newest change is long ago.
        trs.execute("create table noise as select n from generate_series(1, 20000) as n")
        warehouse.execute("update ledger.transactions set committed_at = committed_at - interval '1 hour'")
        warehouse.execute("update ledger.epochs set streaming_since = streaming_since - interval '1 hour'")
        stamped = warehouse.execute("select max(stamped_up_to) from ledger.replication_position").fetchone()
        assert stamped is not None

    def is_quiet() -> bool:
        now = told(world, patience=1.0)
        return (now.state, now.exit_code, now.lag_seconds) == ("quiet", 0, 0)

    # Asked again, because the source writes WAL of its own (a checkpoint, autovacuum) between two looks.
    until("the stream is quiet", is_quiet)


@pytest.mark.slow
def test_a_stream_that_waits_for_a_lock_is_stuck(world: Databases) -> None:
    name = world.settings.warehouse_replication_name
    with world.at_warehouse() as blocker:
        blocker.execute("set application_name = 'a forgotten session'")
        with blocker.transaction():
            blocker.execute("lock table persons in access exclusive mode")
            add_person(world)
            until("the stream is told to be stuck", lambda: told(world, pause=2.5).state == "stuck")
            now = told(world, pause=2.5)
            assert (now.state, now.exit_code) == ("stuck", 57)
            assert "lock on public.persons" in now.reasons[0].what
            assert "a forgotten session" in now.reasons[0].what
            assert (now.lag_seconds or 0) > 0
    del name
    until("it streams again", lambda: told(world).state == "streaming")


@pytest.mark.slow
def test_a_stream_that_was_switched_off(world: Databases) -> None:
    name = world.settings.warehouse_replication_name
    with world.at_warehouse() as warehouse:
        warehouse.execute(sql.SQL("alter subscription {} disable").format(sql.Identifier(name)))
    now = told(world)
    assert (now.state, now.exit_code, now.reasons[0].code) == ("stopped", 18, "stopped")


@pytest.mark.slow
def test_another_consumer_on_our_slot(world: Databases) -> None:
    name = world.settings.warehouse_replication_name
    with world.at_warehouse() as warehouse, world.at_source() as trs:
        warehouse.execute(sql.SQL("alter subscription {} disable").format(sql.Identifier(name)))
        slot = warehouse.execute("select slot_name from ledger.epochs where state <> 'ended'").fetchone()
        assert slot is not None
        wait_until_free(trs, slot[0])
        conninfo = make_conninfo(world.source_conninfo, replication="database", application_name="another")
        with closing(psycopg.connect(conninfo, autocommit=True)) as thief:
            command = f"START_REPLICATION SLOT {slot[0]} LOGICAL 0/0 (proto_version '1', publication_names '{name}')"
            thief.pgconn.send_query(command.encode())
            thief.pgconn.get_result()
            now = told(world)
    assert (now.state, now.exit_code) == ("slot taken", 51)
    assert "another" in now.reasons[0].what


def wait_until_free(trs: psycopg.Connection, slot: str) -> None:
    active = "select active from pg_replication_slots where slot_name = %s"
    until("the slot is free", lambda: trs.execute(active, (slot,)).fetchone() == (False,))


@pytest.mark.slow
def test_a_slot_that_went_away(world: Databases) -> None:
    name = world.settings.warehouse_replication_name
    with world.at_warehouse() as warehouse, world.at_source() as trs:
        warehouse.execute(sql.SQL("alter subscription {} disable").format(sql.Identifier(name)))
        slot = warehouse.execute("select slot_name from ledger.epochs where state <> 'ended'").fetchone()
        assert slot is not None
        wait_until_free(trs, slot[0])
        trs.execute("select pg_drop_replication_slot(%s)", (slot[0],))
    now = told(world)
    assert (now.state, now.exit_code) == ("slot lost", 50)
    assert now.slot_active is None


@pytest.mark.slow
def test_the_wal_budget(world: Databases) -> None:
    name = world.settings.warehouse_replication_name
    with world.at_warehouse() as warehouse, world.at_source() as trs:
        warehouse.execute(sql.SQL("alter subscription {} disable").format(sql.Identifier(name)))
        # What is not flushed is not kept for anybody yet.
        trs.execute("set synchronous_commit = on")
        trs.execute("select pg_logical_emit_message(true, 'noise', repeat('x', 3000000))")
    world.settings = world.settings.model_copy(update={"warehouse_wal_budget_gb": 0.002})
    now = told(world)
    assert reason(now, "wal_budget").exit_code == 58
    assert now.budget_bytes == 2_000_000
    assert (now.retained_bytes or 0) > 3_000_000


@pytest.mark.slow
def test_a_publication_that_was_altered(world: Databases) -> None:
    name = sql.Identifier(world.settings.warehouse_replication_name)
    with world.at_source() as trs:
        trs.execute(sql.SQL("alter publication {} set (publish = 'insert, update')").format(name))
        trs.execute(sql.SQL("alter publication {} drop table alerts").format(name))
        trs.execute("create table others (other_id int primary key)")
        trs.execute(sql.SQL("alter publication {} add table others").format(name))
    now = told(world)
    what = reason(now, "publication_altered").what
    assert reason(now, "publication_altered").exit_code == 53
    for phrase in ("does not send every delete, truncate", "alerts: the publication does not send it", "others: "):
        assert phrase in what
    with world.at_source() as trs:
        trs.execute(sql.SQL("drop publication {}").format(name))
    assert "it is gone" in reason(told(world), "publication_altered").what


@pytest.mark.slow
def test_a_column_that_is_sent_and_not_classified(world: Databases) -> None:
    name = sql.Identifier(world.settings.warehouse_replication_name)
    with world.at_source() as trs:
        trs.execute(sql.SQL("alter publication {} drop table alert_types").format(name))
        trs.execute("alter table alert_types add column colour text")
        trs.execute(sql.SQL("alter publication {} add table alert_types where (true)").format(name))
    what = reason(told(world), "publication_altered").what
    assert "alert_types.colour: " in what
    assert "alert_types: the publication sends only some of its rows" in what


@pytest.mark.slow
def test_a_replica_that_was_altered_by_hand(world: Databases) -> None:
    with world.at_warehouse() as warehouse:
        warehouse.execute("alter table persons disable trigger c_keep_history")
        warehouse.execute("drop trigger c_keep_history_of_deleted on alerts")
        warehouse.execute("alter table alerts enable trigger c_keep_history")
        warehouse.execute("alter table persons add constraint has_name check (first_name <> '')")
        warehouse.execute("create unique index one_trn on persons (trn)")
        warehouse.execute("alter table persons alter column trn set not null")
        warehouse.execute("drop view versions.alerts")
        warehouse.execute(
            "create or replace function history.alert_types_keep() returns trigger language plpgsql"
            " as $$ begin return new; end $$"
        )
        warehouse.execute("grant insert on qualifications to public")
    found = reason(told(world), "replica_altered")
    assert found.exit_code == 54
    with world.at_warehouse() as warehouse:
        classification = load_classification()
        every = {
            f"{a.table}: {a.what}" for a in alterations.altered(warehouse, classification, classification.published)
        }
    assert every == {
        "persons: trigger c_keep_history does not fire for what is replicated",
        "alerts: trigger c_keep_history_of_deleted is gone",
        "alerts: trigger c_keep_history does not fire for what is replicated",
        "persons: rule has_name was added; a row of the source may not fit",
        "persons: rule one_trn was added; a row of the source may not fit",
        "persons: rule trn not null was added; a row of the source may not fit",
        "alerts: the view of its versions is gone",
        "alert_types: the function that keeps its history was altered",
        "qualifications: everybody may write it; only the stream should",
    }


@pytest.mark.slow
def test_rows_that_were_written_by_hand(world: Databases) -> None:
    person, other = uuid.uuid4(), uuid.uuid4()
    with world.at_warehouse() as warehouse:
        assert told(world).reasons == []
        insert(warehouse, "persons", {**PERSON, "person_id": person, "trn": "7654321"})
        warehouse.execute("update persons set last_name = 'Secretname' where person_id = %s", (person,))
        warehouse.execute("delete from alerts")
        now = told(world)
        found = reason(now, "rows_altered")
        assert (found.exit_code, now.state) == (54, "streaming")
        assert f"persons (insert, update, 2 rows, such as {person})" in found.what
        assert "Secretname" not in str(now)
        assert "alerts" not in found.what, "nothing was deleted, so nothing was written"
        # What is ours is no alteration.
        with warehouse.transaction():
            write_on_purpose(warehouse, "repair")
            insert(warehouse, "persons", {**PERSON, "person_id": other, "trn": "7654322"})
        assert f"2 rows, such as {person}" in reason(told(world), "rows_altered").what
        # A comparison that finds the table different settles nothing; one that finds it equal does.
        reconcile(world, Silent(), only=["persons"])
        assert reason(told(world), "rows_altered")
        with warehouse.transaction():
            write_on_purpose(warehouse, "repair")
            warehouse.execute("delete from persons where person_id = any(%s)", ([person, other],))
        reconcile(world, Silent(), only=["persons"])
        assert told(world).reasons == []
        warehouse.execute("truncate tps_establishments")
        assert "tps_establishments (truncate" in reason(told(world), "rows_altered").what


@pytest.mark.slow
def test_the_stream_itself_is_never_taken_for_a_hand(world: Databases) -> None:
    person = add_person(world)
    with world.at_source() as trs:
        trs.execute("update persons set last_name = 'Jones' where person_id = %s", (person,))
        trs.execute("delete from persons where person_id = %s", (person,))
        trs.execute("truncate tps_establishments")
    replicate(world, Silent())
    with world.at_warehouse() as warehouse:
        assert warehouse.execute("select count(*) from ledger.hand_writes").fetchone() == (0,)


@pytest.mark.slow
def test_updates_of_rows_that_are_missing_here_are_not_passed_over(world: Databases) -> None:
    person = add_person(world)
    replicate(world, Silent())
    with world.at_warehouse() as warehouse, world.at_source() as trs:
        with warehouse.transaction():
            write_on_purpose(warehouse, "test")
            warehouse.execute("delete from persons where person_id = %s", (person,))
        trs.execute("update persons set last_name = 'Jones' where person_id = %s", (person,))
        replicate(world, Silent())
        # PostgreSQL writes its statistics down a little later; who deleted the row may be told before.
        until("it is told", lambda: "rows_missing" in {one.code for one in told(world).reasons})
        now = told(world)
    found = reason(now, "rows_missing")
    assert found.exit_code == 59
    assert found.what.startswith("1 updates and 0 deletes")


@pytest.mark.slow
def test_it_never_writes_at_the_source(world: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    with world.at_source() as trs:
        before = trs.execute("select pg_current_wal_lsn(), (select count(*) from pg_replication_slots)").fetchone()
    told(world)
    with world.at_source() as trs:
        after = trs.execute("select count(*) from pg_replication_slots").fetchone()
    assert before is not None and after == (before[1],)


def test_not_set_up(databases: Databases) -> None:
    assert status(databases).state == "not set up"


@pytest.mark.slow
def test_the_commands_speak_as_documented(world: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    """The JSON's keys are those of docs/runbooks/alerting.md, and the exit code is the first reason's."""
    monkeypatch.setattr(world, "start", list)
    monkeypatch.setattr("warehouse.cli.opening.Databases", lambda _: world)
    runner = CliRunner()
    page = (PROJECT / "docs" / "runbooks" / "alerting.md").read_text()
    example = json.loads(page.split("```json")[1].split("```")[0])

    good = runner.invoke(app, ["status", "--json"])
    assert good.exit_code == 0
    assert list(json.loads(good.stdout)) == list(example)
    assert runner.invoke(app, ["preflight", "--json"]).exit_code == 0
    assert json.loads(runner.invoke(app, ["conflicts", "--json"]).stdout) == {"open": 0, "conflicts": []}
    for more in ([], ["--yes", "--because", "  "]):
        refused = runner.invoke(app, ["skip", "--lsn", "0/1", "--because", "why", *more])
        assert isinstance(refused.exception, UsageError)

    name = world.settings.warehouse_replication_name
    with world.at_warehouse() as warehouse:
        warehouse.execute(sql.SQL("alter subscription {} disable").format(sql.Identifier(name)))
        warehouse.execute("alter table persons disable trigger c_keep_history")
    bad = runner.invoke(app, ["status"])
    assert bad.exit_code == 54, "what was altered comes before what is only off"
    assert "c_keep_history" in bad.stdout
    assert "Next: warehouse replicate run" in bad.stdout
