"""Which repairs look into every row, and what they say and record of it."""

from __future__ import annotations

import uuid

import pytest

from tests.python.replicate.trouble import Writer, equal, history_is_sound, lose_slot, one, populate
from tests.python.replicate.world import PERSON, insert
from warehouse.cli.replicate.repair import repair_gap
from warehouse.core.databases import Databases
from warehouse.core.progress import Silent
from warehouse.replicate import replicate
from warehouse.replicate.compare.reconcile import reconcile
from warehouse.replicate.ledger.gaps import GapTable
from warehouse.replicate.repair import Repair, repair

pytestmark = pytest.mark.slow


@pytest.fixture
def world(prepared: Databases) -> Databases:
    """Some hundred people, caught up and proven equal."""
    populate(prepared)
    replicate(prepared, Silent())
    assert not reconcile(prepared, Silent()).differing
    return prepared


def persons(done: Repair) -> GapTable:
    return next(table for table in done.tables if table.table == "persons")


def execute(world: Databases, statement: str) -> None:
    with world.at_warehouse() as warehouse:
        warehouse.execute(statement.encode())


def test_damage_is_repaired_from_the_proof_of_a_reconciliation(world: Databases) -> None:
    proved_at = one(world.at_warehouse, "select proved_at from ledger.proofs where table_name = 'persons'")[0]
    execute(world, "delete from persons where trn < '0000003'")
    execute(world, "update persons set last_name = 'Wrong' where trn = '0000100'")
    with world.at_warehouse() as warehouse:
        insert(warehouse, "persons", {**PERSON, "person_id": uuid.uuid4(), "trn": "2000009"})
    done = repair(world, Silent(), depth="all")
    assert persons(done) == GapTable("persons", 300, 3, 1, 1, proved_at)
    assert all(table.carried_from is not None for table in done.tables)
    assert equal(world)
    assert one(world.at_warehouse, "select carried_from from ledger.gap_tables where table_name = 'persons'") == (
        proved_at,
    )
    # Every row that differed was written: that is the next proof.
    execute(world, "update persons set last_name = 'Wrong' where trn = '0000100'")
    again = persons(repair(world, Silent(), depth="all"))
    assert again.rows_updated == 1
    assert again.carried_from is not None and again.carried_from > proved_at
    assert not reconcile(world, Silent()).differing
    history_is_sound(world)


def test_a_gap_is_repaired_from_a_proof(world: Databases) -> None:
    with Writer(world).writing() as writer:
        writer.wait(20)
        lose_slot(world)
        writer.wait(20)
        with world.at_source() as trs:
            # Written there, and nothing of it is published: new on one side, and equal. A row at a time: a statement
            # that takes many, in an order of its own, can wait for the writer that waits for it.
            for number in range(100):
                trs.execute("update persons set first_name = first_name where trn = %s", (f"{number:07d}",))
        done = repair(world, Silent())
        writer.wait(20)
    replicate(world, Silent())
    assert persons(done).carried_from is not None
    assert equal(world)
    history_is_sound(world)
    assert not reconcile(world, Silent()).differing


def damage_that_no_transaction_did(world: Databases) -> None:
    """A row that differs, and is older than the proof."""
    execute(world, "update persons set last_name = 'Rotten' where trn = '0000100'")
    execute(world, "update ledger.proofs set warehouse_xmin = pg_snapshot_xmax(pg_current_snapshot())")


def test_a_repair_in_full_looks_into_rows_that_nobody_wrote(world: Databases) -> None:
    damage_that_no_transaction_did(world)
    assert repair(world, Silent(), depth="all").gap is None
    done = repair(world, Silent(), depth="full")
    assert persons(done) == GapTable("persons", 300, 0, 1, 0, None)
    assert all(table.carried_from is None for table in done.tables)
    assert equal(world)


def test_a_table_that_a_reconciliation_finds_different_is_repaired_in_full(world: Databases) -> None:
    damage_that_no_transaction_did(world)
    assert [table.table for table in reconcile(world, Silent()).differing] == ["persons"]
    done = repair(world, Silent())
    assert persons(done) == GapTable("persons", 300, 0, 1, 0, None)
    assert all(table.carried_from is not None for table in done.tables if table.table != "persons")
    assert equal(world)


@pytest.mark.parametrize(
    "column", ["source_server", "source_relation", "warehouse_server", "warehouse_relation", "spec"]
)
def test_a_proof_of_something_else_is_not_gone_by(world: Databases, column: str) -> None:
    """As after a failover, a restore or a restart of the source: what the rows belong to is not what was compared."""
    damage_that_no_transaction_did(world)
    execute(world, f"update ledger.proofs set {column} = {column} || 'x' where table_name = 'persons'")
    done = repair(world, Silent(), depth="all")
    assert persons(done).rows_updated == 1
    assert persons(done).carried_from is None
    assert equal(world)


def test_it_is_said_how_a_table_was_compared(
    world: Databases, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("warehouse.cli.opening.Databases", lambda _: world)
    monkeypatch.setattr(world, "start", list)
    repair_gap(compare=True, full=False, json=False)
    said = " ".join(capsys.readouterr().out.split())
    assert "All rows are equal." in said and "tables compared from a proof, the oldest of " in said
    execute(world, "delete from persons where trn = '0000100'")
    repair_gap(compare=True, full=True, json=False)
    said = " ".join(capsys.readouterr().out.split())
    assert "tables compared in full" in said and "proof" not in said
