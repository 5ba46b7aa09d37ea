"""Manual writes to the replica, recorded as they happen, at no cost to the stream.

Each replicated table has ordinary triggers. They do not fire for what PostgreSQL applies, only for
other sessions. Our own writers say so (`write_on_purpose`), and their transactions are in the ledger as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import sql

from warehouse.core.writer import NOT_ON_PURPOSE
from warehouse.replicate.catalog.names import BY_HAND
from warehouse.replicate.classification import Classification
from warehouse.replicate.masking import hidden_columns

_OPERATIONS: dict[str, LiteralString] = {"insert": "new", "update": "new", "delete": "old"}

_MISSING = """
select c.relname, o.operation
from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
cross join unnest(%(operations)s::text[]) as o (operation)
where n.nspname = %(schema)s and c.relname = any(%(tables)s) and c.relkind = 'r' and (%(every)s or not exists (
    select from pg_trigger as t where t.tgrelid = c.oid and t.tgname = %(prefix)s || o.operation
))
"""

_TRIGGER = """
create or replace trigger {} after {} on {} {} for each statement
when ({})
execute function ledger.note_write_by_hand({})
"""

_UNSETTLED = """
select
    h.table_name,
    array_agg(distinct h.operation),
    coalesce(sum(h.rows), 0)::bigint,
    coalesce((array_agg(h.keys order by h.hand_write_id desc) filter (where h.keys is not null))[1], '[]')
from ledger.hand_writes as h
where h.settled_at is null
    and not exists (select from ledger.transactions as t where t.xid = h.xid and t.kind <> 'hand')
group by h.table_name order by h.table_name
"""

_SETTLE = """
update ledger.hand_writes set settled_at = clock_timestamp() where settled_at is null and table_name = any(%s)
"""


@dataclass(frozen=True)
class HandWrites:
    """What was written to a table by hand and not repaired since.

    Attributes:
        keys: of the first rows.
    """

    table: str
    operations: tuple[str, ...]
    rows: int
    keys: tuple[str, ...]


def note_them(
    connection: psycopg.Connection, classification: Classification, *, only: str | None = None, every: bool = False
) -> int:
    """Create the triggers that are missing, and return how many; one query when none is.

    Args:
        only: the one table that was just made; all by default.
        every: create all of them again, whatever exists under their names.
    """
    values = {
        "operations": [*_OPERATIONS, "truncate"],
        "schema": classification.schema_name,
        "tables": [only] if only else list(classification.published),
        "every": every,
        "prefix": BY_HAND,
    }
    missing = connection.execute(_MISSING, values).fetchall()
    hidden = hidden_columns(classification)
    for table, operation in missing:
        columns = sorted(column for of, column in hidden if of == table)
        connection.execute(_trigger(classification.schema_name, table, operation, columns))
    return len(missing)


def _trigger(schema: str, table: str, operation: str, hidden: Sequence[str]) -> sql.Composed:
    rows: sql.Composable = sql.SQL("")
    if operation != "truncate":
        rows = sql.SQL("referencing {} table as changed").format(sql.SQL(_OPERATIONS[operation]))
    return sql.SQL(_TRIGGER).format(
        sql.Identifier(BY_HAND + operation),
        sql.SQL(operation),
        sql.Identifier(schema, table),
        rows,
        sql.SQL(NOT_ON_PURPOSE),
        sql.SQL(", ").join(map(sql.Literal, hidden)),
    )


def unsettled(connection: psycopg.Connection) -> list[HandWrites]:
    """What was written by hand and not repaired since, by table."""
    rows = connection.execute(_UNSETTLED).fetchall()
    return [
        HandWrites(table, tuple(operations), rows, tuple("/".join(map(str, key)) for key in keys))
        for table, operations, rows, keys in rows
    ]


def settle(connection: psycopg.Connection, tables: Sequence[str]) -> None:
    """Write down that tables were compared with the source, in full, and are equal to it now."""
    connection.execute(_SETTLE, (list(tables),))
