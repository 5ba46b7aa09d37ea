"""Transactions are lost, or a row stands in the way: the product says so and repairs on command."""

from __future__ import annotations

import uuid

import psycopg
import pytest

from tests.python.drills.harness import Drill, wait_until
from tests.python.replicate.trouble import open_conflicts, skip_transaction
from tests.python.replicate.world import PERSON, insert
from warehouse.core.errors import ApplyConflict, SlotLost, StreamStuck
from warehouse.core.progress import Silent
from warehouse.replicate.compare.reconcile import reconcile
from warehouse.replicate.repair import repair

pytestmark = pytest.mark.slow


def our_slot(drill: Drill) -> str:
    """The slot that the stream reads."""
    with drill.databases.at_warehouse() as warehouse:
        row = warehouse.execute("select subslotname from pg_subscription where subname = %s", (drill.name,)).fetchone()
    assert row is not None
    return str(row[0])


def drop_slot(drill: Drill, slot: str) -> None:
    """As the administrator's maintenance does it: whoever reads it is thrown out."""

    def is_gone() -> bool:
        with drill.databases.at_source() as source:
            try:
                source.execute(
                    "select pg_terminate_backend(active_pid) from pg_replication_slots"
                    " where slot_name = %s and active_pid is not null",
                    (slot,),
                )
                source.execute("select pg_drop_replication_slot(%s)", (slot,))
            except psycopg.errors.ObjectInUse:
                return False
        return True

    wait_until("the slot is dropped", is_gone)


@pytest.mark.parametrize("made_anew", [False, True], ids=["gone", "made_anew"])
def test_dropped_slot(drill: Drill, made_anew: bool) -> None:
    """Dropped under load, and in the second case created again by the same name, as a job that mends slots would."""
    drill.sync()
    drill.begin()
    drill.work(60)
    slot = our_slot(drill)
    drop_slot(drill, slot)
    drill.work(60)
    if made_anew:
        with drill.databases.at_source() as source:
            source.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", (slot,))
        drill.work(30)
    for _ in range(2):
        # However often it is run, it never starts again by itself, and nothing that came later gets in.
        with pytest.raises(SlotLost):
            drill.sync()
    done = repair(drill.databases, Silent())
    assert done.gap is not None
    assert done.gap.rows_inserted > 0
    drill.work(60)
    drill.finish_with_gap()
    with drill.databases.at_warehouse() as warehouse:
        # Who was deleted in the gap: between its bounds, and no more is claimed.
        deleted = warehouse.execute(
            "select bool_and(v.ended_after = g.from_time and v.known_to = g.to_time), count(*)"
            " from versions.trn_request_metadata as v, ledger.gaps as g"
            " where v.to_xid in (select xid from ledger.transactions where kind = 'repair')"
        ).fetchone()
    assert deleted is not None and deleted[0] is True


def by_hand(drill: Drill, key: uuid.UUID) -> None:
    """Somebody puts a row into the replica."""
    with drill.databases.at_warehouse() as warehouse:
        insert(warehouse, "persons", {**PERSON, "person_id": key, "trn": "9000001", "created_by_tps": False})


def run_into(drill: Drill, key: uuid.UUID) -> None:
    """The source gets the same key, and the stream stops there; the product says at what."""
    with drill.databases.at_source() as source:
        insert(source, "persons", {**PERSON, "person_id": key, "trn": "9000002"})
    with pytest.raises((ApplyConflict, StreamStuck)):
        drill.sync()
    with pytest.raises(ApplyConflict):
        drill.sync()


def test_unique_conflict_that_is_mended(drill: Drill) -> None:
    """The row that stood in the way is deleted; everything that waited comes after it, in its order."""
    drill.sync()
    drill.begin()
    drill.work(40)
    key = uuid.uuid4()
    by_hand(drill, key)
    run_into(drill, key)
    drill.work(40)
    with drill.databases.at_warehouse() as warehouse:
        warehouse.execute("delete from persons where person_id = %s", (key,))
    drill.rest()
    drill.recover()
    drill.prove_content()
    # The history tells of the row that was put there by hand, and of nothing else that never was. The source's own row
    # was committed before that one was deleted here, so it is known from then on: no two are known at one moment.
    found = drill.wrong_versions()
    assert len(found) == 3 and all(str(key) in one for one in found), found
    with drill.databases.at_warehouse() as warehouse:
        versions = warehouse.execute(
            "select known_from, known_to from versions.persons where person_id = %s order by known_from", (key,)
        ).fetchall()
        assert len(versions) == 2
        (_, by_hand_until), (known_from, known_to) = versions
        assert by_hand_until <= known_from and known_to is None
        noted = warehouse.execute(
            "select operation from ledger.hand_writes where table_name = 'persons' order by hand_write_id"
        ).fetchall()
    assert noted == [("insert",), ("delete",)]


def test_unique_conflict_that_is_skipped(drill: Drill) -> None:
    """A person gives the transaction up; what that cost is found by comparison and made good."""
    drill.sync()
    drill.begin()
    drill.work(40)
    drill.rest()
    drill.sync()
    # Up to here all is known to be equal: what is found later came after.
    assert reconcile(drill.databases, Silent()).differing == []
    drill.begin()
    drill.work(40)
    key = uuid.uuid4()
    by_hand(drill, key)
    run_into(drill, key)
    (conflict,) = open_conflicts(drill.databases)
    skipped = skip_transaction(drill.databases, lsn=conflict.lsn, because="a drill", decided_by="a drill")
    assert skipped.rows == {"persons": 1}
    drill.work(40)
    drill.sync()
    (found,) = reconcile(drill.databases, Silent(), only=["persons"]).tables
    assert found.changed == 1
    repair(drill.databases, Silent(), depth="all")
    drill.work(40)
    gaps = drill.finish_with_gap()
    assert len(gaps) == 1
    with drill.databases.at_warehouse() as warehouse:
        without = warehouse.execute("select count(*) from versions.persons where known_from is null").fetchone()
    assert without == (0,), "the row that was put there by hand has lost its beginning"
