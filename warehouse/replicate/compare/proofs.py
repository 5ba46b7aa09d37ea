"""The ledger of proofs: tables that were equal on both sides, and what is needed to tell what was written since."""

from __future__ import annotations

from collections.abc import Iterable

import psycopg

from warehouse.core import wal
from warehouse.replicate.compare import Horizon, Proof, TableComparison
from warehouse.replicate.ledger.gaps import Written


def read(warehouse: psycopg.Connection, schema: str) -> dict[str, Proof]:
    """The last proof of each table; whether it still holds is seen when the table is compared."""
    rows = warehouse.execute(
        "select table_name, spec, source_server, source_relation, source_xmin::text, warehouse_server,"
        " warehouse_relation, warehouse_xmin::text, proved_at, in_full_at from ledger.proofs where schema_name = %s",
        (schema,),
    ).fetchall()
    return {
        row[0]: Proof(
            schema, row[0], row[1], Horizon(row[2], row[3], int(row[4])), Horizon(row[5], row[6], int(row[7])), *row[8:]
        )
        for row in rows
    }


def make_durable(trs: psycopg.Connection) -> None:
    """See to it that a crash of the source takes nothing that any snapshot has shown until now."""
    with trs.transaction():
        trs.execute("set local synchronous_commit = 'local'")
        wal.mark(trs)


def record(warehouse: psycopg.Connection, found: Iterable[TableComparison]) -> None:
    """Write down what comparisons have proven: of tables that are equal.

    What the source's snapshots showed must be durable there: a crash would give its numbers of transactions again. What
    the warehouse's showed is durable when this is, because it was written before.
    """
    with warehouse.cursor() as cursor:
        cursor.executemany(
            "insert into ledger.proofs (schema_name, table_name, spec, source_server, source_relation, source_xmin,"
            " warehouse_server, warehouse_relation, warehouse_xmin, carried_from, in_full_at)"
            " values (%s, %s, %s, %s, %s, %s::text::xid8, %s, %s, %s::text::xid8, %s,"
            " coalesce(%s, clock_timestamp()))"
            " on conflict (schema_name, table_name) do update set spec = excluded.spec,"
            " source_server = excluded.source_server, source_relation = excluded.source_relation,"
            " source_xmin = excluded.source_xmin, warehouse_server = excluded.warehouse_server,"
            " warehouse_relation = excluded.warehouse_relation, warehouse_xmin = excluded.warehouse_xmin,"
            " proved_at = excluded.proved_at, in_full_at = excluded.in_full_at, carried_from = excluded.carried_from",
            [
                (
                    proof.schema,
                    proof.table,
                    proof.spec,
                    proof.source.server,
                    proof.source.relation,
                    proof.source.xmin,
                    proof.warehouse.server,
                    proof.warehouse.relation,
                    proof.warehouse.xmin,
                    one.carried_from,
                    proof.in_full_at,
                )
                for one in found
                if (proof := one.proof) is not None
            ],
        )


def forget(warehouse: psycopg.Connection, found: Iterable[TableComparison]) -> None:
    """Take the proofs of tables away in which a look into every row found a difference: old rows may be part of it."""
    differing = [(one.schema, one.table) for one in found]
    with warehouse.cursor() as cursor:
        cursor.executemany("delete from ledger.proofs where schema_name = %s and table_name = %s", differing)


def all_written(found: TableComparison, written: Written | None) -> bool:
    """Whether a repair has rewritten every row that a comparison found to differ: then all of them are new rows."""
    written = written or Written()
    return (written.inserted, written.updated, written.deleted) == (
        len(found.missing),
        len(found.changed),
        len(found.extra),
    )
