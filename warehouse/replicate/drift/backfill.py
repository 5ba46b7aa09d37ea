"""The back-fill of columns: their values for rows that the stream has not brought since they are published.

Why it is right, whatever is written at the source meanwhile. The publication sends the columns, and every transaction
that began before it did is over. When the warehouse has applied all that was committed up to then, a snapshot of the
warehouse is taken, the *boundary*. So

1. a row of the replica whose transaction is not visible in the boundary came with its columns, and is left alone;
2. a row of the replica whose transaction is visible in it was committed at the source before the boundary.

Then a chunk is read at the source, and the back-fill waits until the warehouse has applied all that this reading saw.
A row of the second kind is still what that reading saw of it: had it been changed between, that change would have been
applied and the row be of the first kind. Its value is written. What the source changes after the reading comes with the
columns, and overwrites it; what it deletes is, or will be, deleted in the warehouse; nothing is ever inserted, so a
deleted row cannot reappear.

The warehouse only learns now what was so at the source before: each row gets a version that begins when its chunk was
read, by a transaction of kind `backfill`. As known before that, the column is null, and ledger.column_states says why.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from warehouse.core.database import one
from warehouse.core.errors import DriftHeld
from warehouse.core.json_rule import JsonRule
from warehouse.core.progress import Progress
from warehouse.core.writer import write_on_purpose
from warehouse.replicate.catalog.names import KNOWN_FROM
from warehouse.replicate.history import transactions
from warehouse.replicate.json_keys.expression import listed_keys
from warehouse.replicate.ledger import column_states
from warehouse.replicate.ledger.epochs import Epoch
from warehouse.replicate.stream.mark import wait_until_applied
from warehouse.replicate.stream.transfer import relay

CHUNK_ROWS = 10_000
"""Rows of the replica that are locked at once: the apply worker waits no longer than their update takes (0.2 s)."""

_LOCKED_SECONDS = 60
_VALUES = sql.Identifier("pg_temp", "backfill_values")

_AS_SEEN = """
pg_visible_in_snapshot(r.{known_from}, {boundary}::pg_snapshot) and ({here}) is distinct from ({there})
"""

# A row that the apply worker is changing is passed over, never waited for: two that wait for each other would cost the
# stream. It is looked at again until it is free.
_UPDATE = """
with free as (
    select r.ctid from {replica} as r join {values} as v on {matched} where {condition}
    for no key update of r skip locked
)

update {replica} as r set {set} from {values} as v
where {matched} and {condition} and r.ctid in (select ctid from free)
"""

_LEFT = "select exists (select from {replica} as r join {values} as v on {matched} where {condition})"


@dataclass(frozen=True)
class BackFill:
    """What is to be filled.

    Attributes:
        key: the primary key's columns, each with its type.
        json_rules: of the JSON columns among `columns`.
    """

    schema: str
    table: str
    key: Mapping[str, str]
    columns: Sequence[str]
    json_rules: Mapping[str, JsonRule]


def boundary(source: psycopg.Connection, warehouse: psycopg.Connection, name: str, progress: Progress) -> str:
    """The warehouse's snapshot at a moment when all that could have come without the columns is applied."""
    wait_until_applied(source, warehouse, name, progress)
    (snapshot,) = one(warehouse, "select pg_current_snapshot()::text")
    return str(snapshot)


def fill(
    source: psycopg.Connection,
    warehouse: psycopg.Connection,
    epoch: Epoch,
    wanted: BackFill,
    boundary: str,
    progress: Progress,
) -> int:
    """Fill columns of a table from where an earlier attempt stopped; returns the number of rows written.

    Args:
        boundary: of boundary(), taken after the publication sent the columns.

    Raises:
        DriftHeld: another session than the stream's keeps rows of the replica locked.
        StreamStuck, SlotLost: the stream does not move.
    """
    up_to = _position(warehouse, wanted)
    _make_room(warehouse, wanted)
    written = 0
    while True:
        (now,) = one(source, "select clock_timestamp()")
        read, last = _read(source, warehouse, wanted, up_to)
        if read:
            wait_until_applied(source, warehouse, epoch.replication_name, progress)
            written += _write(warehouse, epoch, wanted, boundary, now, last)
            progress.count(f"rows of {wanted.table} back-filled", written)
        up_to = last
        if read < CHUNK_ROWS:
            return written


def _position(warehouse: psycopg.Connection, wanted: BackFill) -> list[str] | None:
    """Where to continue: the key up to which all of the columns are filled."""
    known = column_states.read(warehouse)
    places = [known[wanted.table, column].filled_up_to for column in wanted.columns if (wanted.table, column) in known]
    same = all(place == places[0] for place in places) and len(places) == len(wanted.columns)
    return places[0] if same and places else None


def _make_room(warehouse: psycopg.Connection, wanted: BackFill) -> None:
    warehouse.execute(sql.SQL("drop table if exists {}").format(_VALUES))
    warehouse.execute(
        sql.SQL("create temp table backfill_values as select 0::bigint as _n, {} from {} with no data").format(
            _listed([*wanted.key, *wanted.columns]), sql.Identifier(wanted.schema, wanted.table)
        )
    )


def _read(
    source: psycopg.Connection, warehouse: psycopg.Connection, wanted: BackFill, up_to: list[str] | None
) -> tuple[int, list[str] | None]:
    """Read a chunk in the key's order, in one snapshot of the source: its rows, and the last one's key."""
    key = _listed(wanted.key)
    values = sql.SQL(", ").join(
        listed_keys(name, wanted.json_rules[name]) if name in wanted.json_rules else sql.Identifier(name)
        for name in wanted.columns
    )
    after: sql.Composable = sql.SQL("")
    if up_to is not None:
        after = sql.SQL(" where ({}) > ({})").format(
            key,
            sql.SQL(", ").join(
                sql.SQL("{}::{}").format(sql.Literal(value), sql.SQL(type_))
                for value, type_ in zip(up_to, wanted.key.values(), strict=True)
            ),
        )
    # As text: a type may be wider here than there.
    query = sql.SQL(
        "copy (select row_number() over (order by {}), {}, {} from {}{} order by {} limit {}) to stdout"
    ).format(key, key, values, sql.Identifier(wanted.schema, wanted.table), after, key, sql.Literal(CHUNK_ROWS))
    warehouse.execute(sql.SQL("truncate {}").format(_VALUES))
    rows = relay(source, query, warehouse, sql.SQL("copy {} from stdin").format(_VALUES))
    last = warehouse.execute(
        sql.SQL("select {} from {} order by _n desc limit 1").format(
            sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in wanted.key), _VALUES
        )
    ).fetchone()
    return rows, list(last) if last else up_to


def _write(
    warehouse: psycopg.Connection,
    epoch: Epoch,
    wanted: BackFill,
    boundary: str,
    read_at: datetime,
    up_to: list[str] | None,
) -> int:
    """Write the chunk's values to the rows that are still as the boundary saw them, and how far that is."""
    condition = sql.SQL(_AS_SEEN).format(
        known_from=sql.Identifier(KNOWN_FROM),
        boundary=sql.Literal(boundary),
        here=_as_text("r", wanted.columns),
        there=_as_text("v", wanted.columns),
    )
    parts = {
        "replica": sql.Identifier(wanted.schema, wanted.table),
        "values": _VALUES,
        "matched": sql.SQL(" and ").join(sql.SQL("r.{0} = v.{0}").format(sql.Identifier(name)) for name in wanted.key),
        "condition": condition,
    }
    update = sql.SQL(_UPDATE).format(
        **parts,
        set=sql.SQL(", ").join(sql.SQL("{0} = v.{0}").format(sql.Identifier(name)) for name in wanted.columns),
    )
    left = sql.SQL(_LEFT).format(**parts)
    written, deadline = 0, time.monotonic() + _LOCKED_SECONDS
    while True:
        with warehouse.transaction():
            write_on_purpose(warehouse, "backfill")
            rows = warehouse.execute(update).rowcount
            if rows:
                transactions.own(warehouse, epoch, "backfill", read_at)
            written += rows
            is_done = one(warehouse, left) == (False,)
            if is_done:
                column_states.filled(warehouse, wanted.table, wanted.columns, up_to, written)
        if is_done:
            return written
        if time.monotonic() > deadline:
            raise DriftHeld(
                f"Rows of {wanted.table} in the warehouse have been locked for {_LOCKED_SECONDS} seconds.",
                meaning="Their columns are not back-filled yet; what is done is kept, and the ledger says so.",
                next_command="End the session that holds them (pg_locks), then: warehouse replicate apply",
            )
        time.sleep(0.05)


def _listed(names: Mapping[str, str] | Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _as_text(prefix: str, names: Sequence[str]) -> sql.Composed:
    """Some types, such as json, cannot be compared; as text, all can, and to the last digit."""
    return sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(prefix, name)) for name in names)
