"""The ledger of proofs: tables that were equal on both sides, and what is needed to find what was written since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import psycopg

from warehouse.core import wal
from warehouse.replicate.compare import Horizon, Proof, TableComparison
from warehouse.replicate.ledger.gaps import Written

_READ = """
select table_name, spec, source_server, source_relation, source_xmin::text, warehouse_server, warehouse_relation,
    warehouse_xmin::text, proved_at, in_full_at
from ledger.proofs where schema_name = %s
"""


def read(warehouse: psycopg.Connection, schema: str) -> dict[str, Proof]:
    """The last proof of each table; whether it still holds is seen when the table is compared."""
    rows = warehouse.execute(_READ, (schema,)).fetchall()
    return {
        row[0]: Proof(
            schema, row[0], row[1], Horizon(row[2], row[3], int(row[4])), Horizon(row[5], row[6], int(row[7])), *row[8:]
        )
        for row in rows
    }


def make_durable(trs: psycopg.Connection) -> None:
    """Make sure that a crash of the source loses nothing that any snapshot has shown until now."""
    with trs.transaction():
        trs.execute("set local synchronous_commit = 'local'")
        wal.mark(trs)


_RECORD = """
insert into ledger.proofs as p (
    schema_name, table_name, spec, source_server, source_relation, source_xmin, warehouse_server, warehouse_relation,
    warehouse_xmin, carried_from, in_full_at
)
values (%s, %s, %s, %s, %s, %s::text::xid8, %s, %s, %s::text::xid8, %s, coalesce(%s, clock_timestamp()))
on conflict (schema_name, table_name) do update set
    spec = excluded.spec,
    source_server = excluded.source_server,
    source_relation = excluded.source_relation,
    source_xmin = excluded.source_xmin,
    warehouse_server = excluded.warehouse_server,
    warehouse_relation = excluded.warehouse_relation,
    warehouse_xmin = excluded.warehouse_xmin,
    proved_at = excluded.proved_at,
    in_full_at = excluded.in_full_at,
    carried_from = excluded.carried_from
"""


def record(
    warehouse: psycopg.Connection, found: Iterable[TableComparison], written: Mapping[str, Written] | None = None
) -> None:
    """Record what comparisons have proven: of tables that are equal, or in which all that differed was written.

    What the source's snapshots showed must be durable at the source: a crash would give its numbers of transactions
    again. What the warehouse's showed is durable when this is, because it was written before.

    Args:
        written: what a repair has written to each table since: all such rows are new ones.
    """
    written = written or {}
    with warehouse.cursor() as cursor:
        cursor.executemany(
            _RECORD,
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
                if (proof := one.proof) is not None and _all_written(one, written.get(one.table, Written()))
            ],
        )


def forget(warehouse: psycopg.Connection, found: Iterable[TableComparison]) -> None:
    """Delete the proofs of tables of which every row was read and some differ: old rows may be among them."""
    differing = [(one.schema, one.table) for one in found]
    with warehouse.cursor() as cursor:
        cursor.executemany("delete from ledger.proofs where schema_name = %s and table_name = %s", differing)


def _all_written(found: TableComparison, written: Written) -> bool:
    differing = Written(len(found.missing), len(found.changed), len(found.extra))
    return written == differing
