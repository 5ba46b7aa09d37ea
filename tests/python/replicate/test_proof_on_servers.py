"""A proof carried forward: whatever was written to either side since, nothing that differs is overlooked."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.python.conftest import make_databases
from tests.python.replicate.test_compare import found, spec_of
from warehouse.core.databases import SOURCE, Databases
from warehouse.replicate.compare import (
    AsOf,
    Proof,
    SourceSnapshot,
    TableComparison,
    TableSpec,
    WarehouseState,
    incremental,
    tables,
)

PROVED_AT = datetime(2026, 11, 22, tzinfo=UTC)

ROWS = 200
CREATE = "create table things (id int, part int default 0, t text, unpublished int, primary key (id, part))"
FILL = f"insert into things select n, 0, 'row ' || n from generate_series(1, {ROWS}) as n"


@pytest.fixture
def both(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> Databases:
    """A table on both sides; few rows to a range, and no comparison in full because of much damage."""
    monkeypatch.setattr(incremental, "ROWS_IN_A_RANGE", 8)
    monkeypatch.setattr(incremental, "FEW_RANGES", 1_000)
    for connect in (databases.at_source, databases.at_warehouse):
        with connect() as connection:
            connection.execute(CREATE.encode())
            connection.execute(FILL.encode())
            connection.execute("analyze things")
    return databases


def published(databases: Databases) -> TableSpec:
    spec = spec_of(databases)
    return replace(spec, columns=tuple(column for column in spec.columns if column.name != "unpublished"))


def compared(databases: Databases, proof: Proof | None = None, as_of: AsOf | None = None) -> TableComparison:
    return tables(
        [published(databases)],
        SourceSnapshot(databases.source, None),
        WarehouseState(databases.warehouse, None, as_of),
        proofs={"things": replace(proof, proved_at=PROVED_AT)} if proof else {},
    )[0]


def prove(databases: Databases) -> Proof:
    result = compared(databases)
    assert result.is_equal and result.proof is not None and result.carried_from is None
    return result.proof


def same_either_way(databases: Databases, proof: Proof, *, is_carried: bool | None = True) -> TableComparison:
    """Compare from the proof and in full: the keys must be the same."""
    from_proof = compared(databases, proof)
    assert found(from_proof) == found(compared(databases))
    assert is_carried is None or (from_proof.carried_from == PROVED_AT) == is_carried
    return from_proof


WRITES: dict[str, str] = {
    "insert": "insert into things values (1000 + {n}, 0, 'new')",
    "insert both": "insert into things values (2000 + {n}, 0, 'new') on conflict do nothing",
    "update": "update things set t = 'changed' where id = {n}",
    "update by many": "update things set t = t || '!' where id % 50 = {n} % 50",
    "update to the same": "update things set t = t where id = {n}",
    "update and back": "update things set t = t || '!' where id = {n}; "
    "update things set t = rtrim(t, '!') where id = {n}",
    "update the unpublished": "update things set unpublished = {n} where id between {n} and {n} + 9",
    "change the key": "update things set id = 3000 + id where id = {n}",
    "delete": "delete from things where id = {n}",
    "delete and insert": "delete from things where id = {n}; insert into things values ({n}, 0, 'row {n}')",
    "delete and insert another": "delete from things where id = {n}; insert into things values ({n}, 0, 'other')",
    "savepoint": "begin; savepoint a; update things set t = 'lost' where id = {n}; rollback to a; savepoint b; "
    "update things set t = 'kept' where id = {n} + 1; release b; commit",
    "roll back": "begin; delete from things where id <= {n}; rollback",
    "lock": "begin; select from things where id = {n} for update; commit",
    "burn numbers": "select pg_current_xact_id(); begin; savepoint a; select pg_current_xact_id(); commit",
    "freeze": "vacuum (freeze) things",
    "swap two rows": "update things set t = case id when {n} then 'row ' || {n} + 1 else 'row {n}' end "
    "where id in ({n}, {n} + 1)",
}
"""Rows are never looked into that have not been written; so each of these must be seen, on either side or both."""

REWRITES: dict[str, str] = {
    "vacuum full": "vacuum full things",
    "cluster": "cluster things using things_pkey",
    "truncate and refill": f"truncate things; {FILL}",
    "alter type": "alter table things alter t type varchar(50) using upper(t)",
}
SIDES: dict[str, Callable[[Databases], list[Callable[[], psycopg.Connection]]]] = {
    "source": lambda d: [d.at_source],
    "warehouse": lambda d: [d.at_warehouse],
    "both": lambda d: [d.at_source, d.at_warehouse],
}

one_write = st.tuples(st.sampled_from(sorted(SIDES)), st.sampled_from(sorted(WRITES)), st.integers(1, ROWS - 10))


def run(databases: Databases, side: str, statements: str, n: int = 0) -> None:
    for connect in SIDES[side](databases):
        with connect() as connection:
            for statement in statements.format(n=n).split("; "):
                try:
                    connection.execute(statement.encode())
                except psycopg.errors.UniqueViolation:
                    connection.rollback()


@pytest.mark.slow
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    before=st.lists(one_write, max_size=2),
    still_open=st.one_of(st.none(), one_write),
    after=st.lists(one_write, max_size=5),
    later=st.lists(one_write, max_size=3),
)
def test_a_comparison_from_a_proof_finds_what_one_in_full_finds(
    both: Databases,
    before: list[tuple[str, str, int]],
    still_open: tuple[str, str, int] | None,
    after: list[tuple[str, str, int]],
    later: list[tuple[str, str, int]],
) -> None:
    run(both, "both", f"truncate things; {FILL}")
    for _, what, n in before:
        run(both, "both", WRITES[what], n)
    with ExitStack() as stack:
        if still_open:
            side, _, n = still_open
            for connect in SIDES[side](both):
                connection = stack.enter_context(connect())
                stack.enter_context(connection.transaction())
                connection.execute("savepoint a")
                connection.execute("update things set t = 'open at the proof' where id = %s", (n,))
                connection.execute("release a")
                connection.execute("delete from things where id = %s", (n + 5,))
        proof = prove(both)
    for side, what, n in after:
        run(both, side, WRITES[what], n)
    result = same_either_way(both, proof)
    # The result may take the proof's place: when it is equal, or when the whole of it is.
    if result.is_equal and result.proof is not None:
        for side, what, n in later:
            run(both, side, WRITES[what], n)
        same_either_way(both, result.proof)


@pytest.mark.slow
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("what", REWRITES)
def test_a_table_that_was_written_anew_is_looked_into(both: Databases, what: str, side: str) -> None:
    proof = prove(both)
    run(both, "warehouse", "update things set t = 'damaged' where id = 7")
    run(both, side, REWRITES[what])
    same_either_way(both, proof, is_carried=False)


@pytest.mark.slow
def test_old_rows_are_not_looked_into(both: Databases) -> None:
    """What this way cannot see: a row that is not the same though nobody wrote it. A comparison in full does."""
    proof = prove(both)
    with both.at_warehouse() as warehouse:
        # Behind PostgreSQL's back: the version's number is put back to the one that it had.
        try:
            warehouse.execute("create extension pg_surgery")
        except psycopg.errors.FeatureNotSupported:
            pytest.skip("this PostgreSQL is built without pg_surgery")
        warehouse.execute("update things set t = 'damaged' where id = 7")
        warehouse.execute("select heap_force_freeze('things', array(select ctid from things where id = 7))")
    assert compared(both, proof).is_equal
    assert set(compared(both).changed) == {("7", "0")}


RENAMED: dict[str, str] = {
    # Filled before the proof; rows that no comparison has seen come behind the names that it had seen.
    "another table of that name": "alter table things rename to gone; alter table others rename to things",
    "another column of that name": "alter table things rename t to gone; alter table things rename other to t",
    "a column that was created again": "alter table things drop t; alter table things add t text default 'another'",
}


@pytest.mark.slow
@pytest.mark.parametrize("what", RENAMED)
@pytest.mark.parametrize("side", ["source", "warehouse"])
def test_other_rows_behind_the_same_names_are_looked_into(both: Databases, what: str, side: str) -> None:
    run(both, "both", "alter table things add other text default 'other'")
    run(both, "both", "create table others (like things including all)")
    run(both, "both", "insert into others select id, part, t || '?', unpublished, other from things")
    spec = published(both)
    chosen = replace(spec, columns=tuple(c for c in spec.columns if c.name != "other"))

    def compare(proofs: dict[str, Proof]) -> TableComparison:
        return tables([chosen], SourceSnapshot(both.source, None), WarehouseState(both.warehouse), proofs=proofs)[0]

    proof = compare({}).proof
    assert proof is not None
    run(both, side, RENAMED[what])
    result = compare({"things": replace(proof, proved_at=PROVED_AT)})
    assert len(result.changed) == ROWS
    assert result.carried_from is None


@pytest.mark.slow
@pytest.mark.parametrize("side", ["source", "warehouse"])
def test_many_new_rows_of_one_range_are_all_found(both: Databases, side: str) -> None:
    """More than a summary tells the places of."""
    proof = prove(both)
    run(both, side, "update things set t = t || '!'")
    assert len(same_either_way(both, proof).changed) == ROWS


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["delete from things where id <= 50", "update things set t = t || '!'"])
def test_more_than_is_held_in_memory_is_left_to_a_comparison_in_full(
    both: Databases, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    """What came over until then is let go in the middle of its stream."""
    proof = prove(both)
    run(both, "warehouse", damage)
    with monkeypatch.context() as patch:
        patch.setattr(incremental, "MOST_FOUND", 3)
        same_either_way(both, proof, is_carried=False)
    same_either_way(both, proof, is_carried=True)


@pytest.mark.slow
def test_a_partition_that_was_exchanged_is_looked_into(both: Databases) -> None:
    run(both, "both", "drop table things; create table things (id int primary key, t text) partition by range (id)")
    for name, text in (("part_a", "row"), ("part_b", "another")):
        run(both, "both", f"create table {name} (id int primary key, t text)")
        run(both, "both", f"insert into {name} select n, '{text}' from generate_series(1, {ROWS}) as n")
    run(both, "both", "alter table things attach partition part_a for values from (1) to (1000)")
    proof = prove(both)
    run(both, "source", "update things set t = 'changed' where id = 7")
    assert set(same_either_way(both, proof).changed) == {("7",)}
    run(both, "warehouse", "alter table things detach partition part_a")
    run(both, "warehouse", "alter table things attach partition part_b for values from (1) to (1000)")
    assert len(same_either_way(both, proof, is_carried=False).changed) == ROWS


@pytest.mark.slow
def test_a_type_of_the_users_own_is_looked_into(both: Databases) -> None:
    """The names of its values can be changed without a change of any row."""
    run(both, "both", "create type mood as enum ('sad', 'glad')")
    run(both, "both", "alter table things add mood mood default 'glad'")
    assert compared(both).proof is None
    run(both, "both", "alter table things alter mood type text")
    assert compared(both).proof is not None


@pytest.mark.slow
def test_two_keys_that_swap_a_value_are_noticed(both: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a plain sum of the key columns' hashes they would cancel out."""
    monkeypatch.setattr(incremental, "ROWS_IN_A_RANGE", 1_000_000)
    run(both, "both", "insert into things values (5000, 1, 'x'), (5001, 2, 'x')")
    proof = prove(both)
    run(
        both,
        "warehouse",
        "delete from things where id >= 5000; insert into things values (5000, 2, 'x'), (5001, 1, 'x')",
    )
    # As old as the proof, so that nothing but the keys can tell.
    younger = replace(proof, warehouse=replace(proof.warehouse, xmin=proof.warehouse.xmin + 100))
    burn(both, 200)
    result = same_either_way(both, younger)
    assert set(result.missing) == {("5000", "1"), ("5001", "2")}
    assert set(result.extra) == {("5000", "2"), ("5001", "1")}


def burn(databases: Databases, count: int) -> None:
    """Use up numbers of transactions in the warehouse."""
    with databases.at_warehouse() as warehouse:
        for _ in range(count):
            warehouse.execute("select pg_current_xact_id()")


@pytest.mark.slow
def test_rows_that_came_after_the_position_count_as_new(both: Databases) -> None:
    """They were here when it was compared, and were left out."""
    run(both, "warehouse", "alter table things add _known_from_xid xid8 default '3'")
    run(both, "warehouse", "create schema history")
    run(both, "warehouse", "create table history.things_log (version public.things, known_to_xid xid8)")
    with both.at_warehouse() as warehouse, warehouse.transaction():
        row = warehouse.execute("select pg_current_xact_id()::text").fetchone()
        assert row is not None
        warehouse.execute("insert into things values (5000, 0, 'later', null, pg_current_xact_id())")
    burn(both, 3)
    proof = compared(both, as_of=AsOf((int(row[0]),), PROVED_AT, settled=False)).proof
    assert proof is not None and proof.warehouse.xmin <= int(row[0])
    # It comes to the source with another content than it has here.
    run(both, "source", "insert into things values (5000, 0, 'another')")
    assert set(same_either_way(both, proof).changed) == {("5000", "0")}


@pytest.mark.slow
def test_a_transaction_that_was_prepared_at_the_proof_counts_as_new(both: Databases, short_folder: Path) -> None:
    """It has a number from before, and is committed by anybody at any time."""
    others = make_databases(short_folder / "prepared")
    others.cluster_settings = {**others.cluster_settings, "max_prepared_transactions": "5"}
    cluster = others.cluster(SOURCE)
    cluster.start()
    try:
        cluster.create_database("prepared")
        conninfo = cluster.conninfo("prepared")

        def there() -> psycopg.Connection:
            return psycopg.connect(conninfo, autocommit=True)

        with there() as trs:
            trs.execute(CREATE.encode())
            trs.execute(FILL.encode())
            trs.execute("begin")
            trs.execute("update things set t = 'prepared' where id = 7")
            trs.execute(f"prepare transaction '{uuid.uuid4()}'".encode())
            spec, at = published(both), SourceSnapshot(there, None)
            proof = tables([spec], at, WarehouseState(both.warehouse))[0].proof
            assert proof is not None
            for (name,) in trs.execute("select gid from pg_prepared_xacts").fetchall():
                trs.execute(f"commit prepared '{name}'".encode())
            carried_on = {"things": replace(proof, proved_at=PROVED_AT)}
            result = tables([spec], at, WarehouseState(both.warehouse), proofs=carried_on)[0]
            assert result.carried_from == PROVED_AT
            assert set(result.changed) == {("7", "0")}
    finally:
        cluster.stop()
