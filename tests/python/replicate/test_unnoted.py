"""Transactions that nobody noted get their time all the same, and no version stays without an end."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import sql

import sandbox.schema
from tests.python.conftest import make_databases
from tests.python.replicate.conftest import Sync
from tests.python.replicate.world import PERSON, insert
from warehouse.core.databases import WAREHOUSE, Databases
from warehouse.core.errors import CommitTimesOff, SlotLost
from warehouse.core.ledger import migrate
from warehouse.core.progress import Silent
from warehouse.replicate import replicate, status
from warehouse.replicate.compare.reconcile import reconcile
from warehouse.replicate.history import prove
from warehouse.replicate.repair import repair
from warehouse.replicate.stream import subscription
from warehouse.replicate.stream.mark import wait_until_applied

pytestmark = pytest.mark.slow


def add(databases: Databases) -> uuid.UUID:
    person = uuid.uuid4()
    with databases.at_source() as trs:
        insert(trs, "persons", {**PERSON, "person_id": person, "trn": person.hex[:7]})
    return person


def versions(databases: Databases) -> list[tuple[object, ...]]:
    """Name, how it ended, and whether it has its times by the ledger alone, as after PostgreSQL has forgotten them."""
    with databases.at_warehouse() as warehouse:
        assert warehouse.execute("select count(*) from history.persons_log").fetchone() == (0,)
        return warehouse.execute(
            "select last_name, ended_by, (select count(*) from ledger.transactions where xid in (from_xid, to_xid))"
            " from versions.persons order by from_xid, to_xid nulls last"
        ).fetchall()


@pytest.mark.parametrize("how", ["set local warehouse.writer = 'jane'", "set local session_replication_role = replica"])
def test_a_writer_whom_no_trigger_notes(world: Databases, sync: Sync, how: str) -> None:
    add(world)
    sync()
    with world.at_warehouse() as warehouse, warehouse.transaction():
        warehouse.execute(how.encode())
        warehouse.execute("update persons set last_name = 'Made up'")
        warehouse.execute("update persons set last_name = 'Smith'")
    sync()
    assert versions(world) == [("Smith", "U", 2), ("Made up", "U", 1), ("Smith", None, 1)]
    # What it was is told until a comparison has shown that the rows are the source's.
    reason = next(one for one in status(world, pause=0.2).reasons if one.code == "rows_altered")
    assert "persons (unnoted" in reason.what
    reconcile(world, Silent(), only=["persons"])
    assert [one.code for one in status(world, pause=0.2).reasons] == []
    assert prove.prove(world, Silent()).mismatches == []


def test_a_row_that_was_made_up_is_found_by_the_proof_at_the_latest(world: Databases, sync: Sync) -> None:
    add(world)
    sync()
    with world.at_warehouse() as warehouse, warehouse.transaction():
        warehouse.execute("set local session_replication_role = replica")
        insert(warehouse, "persons", {**PERSON, "person_id": uuid.uuid4(), "trn": "7654321"})
    sync()
    assert prove.prove(world, Silent()).mismatches == []
    assert "rows_altered" in [one.code for one in status(world, pause=0.2).reasons]
    with world.at_warehouse() as warehouse:
        assert warehouse.execute("select count(*) from ledger.transactions where kind = 'hand'").fetchone() == (1,)


def test_a_subscription_that_was_dropped_before_its_last_transactions_were_noted(world: Databases, sync: Sync) -> None:
    name = world.settings.warehouse_replication_name
    goes = add(world)
    sync()
    with world.at_source() as trs, world.warehouse() as warehouse:
        stays = add(world)
        trs.execute("update persons set last_name = 'Jones'")
        trs.execute("delete from persons where person_id = %s", (goes,))
        wait_until_applied(trs, warehouse, name, Silent())
        for statement in ("disable", "set (slot_name = none)"):
            warehouse.execute(sql.SQL("alter subscription {} " + statement).format(sql.Identifier(name)))
        warehouse.execute(sql.SQL("drop subscription {}").format(sql.Identifier(name)))
    with pytest.raises(SlotLost):
        sync()
    repair(world, Silent())
    sync()
    assert versions(world) == [("Smith", "U", 2), ("Smith", "U", 2), ("Jones", "D", 2), ("Jones", None, 1)] or versions(
        world
    ) == [("Smith", "U", 2), ("Smith", "U", 2), ("Jones", None, 1), ("Jones", "D", 2)]
    with world.at_warehouse() as warehouse:
        current = warehouse.execute("select person_id from versions.persons where known_to is null").fetchall()
        assert current == [(stays,)]
        unknown = "select count(*) from versions.persons where known_from is null or began_after is not null"
        assert warehouse.execute(unknown).fetchone() == (0,), "PostgreSQL still had their times"
    assert prove.prove(world, Silent()).mismatches == []


@pytest.fixture
def own(short_folder: Path) -> Iterator[Databases]:
    """Clusters of this test's own: the warehouse's is restarted with another setting."""
    databases = make_databases(short_folder / "commit_times")
    databases.start()
    with databases.at_source() as trs, databases.at_warehouse() as warehouse:
        sandbox.schema.create(trs)
        migrate(warehouse)
    yield databases
    databases.stop()


def test_a_server_that_kept_no_commit_times_for_a_while(own: Databases) -> None:
    goes, stays = add(own), add(own)
    replicate(own, Silent())
    add(own)
    replicate(own, Silent())

    def restart_with(value: str) -> None:
        with own.at_warehouse() as warehouse:
            warehouse.execute(sql.SQL("alter system set track_commit_timestamp = {}").format(sql.Literal(value)))
        own.cluster(WAREHOUSE).stop()
        own.start()

    restart_with("off")
    with own.at_source() as trs:
        trs.execute("update persons set last_name = 'Jones' where person_id = %s", (stays,))
        trs.execute("delete from persons where person_id = %s", (goes,))
        later = add(own)
    for stopped in (lambda: replicate(own, Silent()), lambda: repair(own, Silent())):
        with pytest.raises(CommitTimesOff) as caught:
            stopped()
        assert caught.value.exit_code == 66
    now = status(own, pause=0.2)
    assert "commit_times_off" in [one.code for one in now.reasons]
    with own.at_source() as trs, own.warehouse() as warehouse:
        subscription.enable(warehouse, own.settings.warehouse_replication_name)
        wait_until_applied(trs, warehouse, own.settings.warehouse_replication_name, Silent())
        before = warehouse.execute("select max(committed_at) from ledger.transactions").fetchone()
    restart_with("on")
    replicate(own, Silent())
    with own.at_warehouse() as warehouse:
        told = warehouse.execute(
            "select person_id, last_name, ended_by, known_from is null, began_after is not null,"
            " ended_after is not null from versions.persons where person_id = any(%s) order by from_xid",
            ([goes, stays, later],),
        ).fetchall()
        assert sorted(map(str, told)) == sorted(
            map(
                str,
                [
                    (goes, "Smith", "D", False, False, True),
                    (stays, "Smith", "U", False, False, True),
                    (stays, "Jones", None, False, True, False),
                    (later, "Smith", None, False, True, False),
                ],
            )
        )
        bounds = warehouse.execute(
            "select distinct not_before = %s, not_before <= committed_at from ledger.transactions where kind = 'found'",
            before,
        ).fetchall()
        assert bounds == [(True, True)]
    assert prove.prove(own, Silent()).mismatches == []
