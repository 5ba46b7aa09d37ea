"""Whether versions follow each other: what ended one began the next, at the time that the ledger has for it.

For the open month, which no seal covers yet, this is what shows that a version was deleted, altered or invented.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import sql

from warehouse.replicate.catalog.names import HISTORY, KNOWN_FROM, OPERATION
from warehouse.replicate.history.tables import key_of, log_of

Key = tuple[str | None, ...]

_BROKEN = """
with versions as (
    select array[{key_of_history}] as key, h.from_xid, h.to_xid, h.operation, h.ended_by from {history} as h
    union all
    select array[{key_of_log}], (l.version).{known_from}, l.known_to_xid, (l.version).{operation}, l.ended_by
    from {log} as l
    union all
    select array[{key_of_row}], r.{known_from}, null, r.{operation}, null from {current} as r
),

steps as (
    -- An update ends a version and begins one, under another key perhaps.
    select key, to_xid as xid, 1 as step from versions where ended_by = 'U'
    union all
    select key, from_xid, -1 from versions where operation = 'U'
),

uneven as (
    select xid, key, sum(step) as step from steps group by xid, key having sum(step) <> 0
)

select u.xid::text::bigint, sum(u.step)::bigint, (array_agg(array_to_json(u.key) order by u.key))[:5]
from uneven as u
left join ledger.transactions as t on t.xid = u.xid
-- What began before a month that was dropped may have lost what was before it.
where t.committed_at is null or t.committed_at >= coalesce((
    select max(d.ended_before) from ledger.dropped_history as d where d.table_name = {name}
), '-infinity')
group by u.xid
having sum(u.step) <> 0
"""

_OUT_OF_TIME = """
select array[{key_of_history}], h.to_xid::text::bigint,
    case
        when h.known_to < h.known_from then 'ends before it begins'
        when ended.xid is null then 'was ended by a transaction that no ledger knows'
        when began.xid is null then 'was begun by a transaction that no ledger knows'
        else 'has other times than the ledger has for its transactions'
    end
from {history} as h
left join ledger.transactions as ended on ended.xid = h.to_xid
left join ledger.transactions as began on began.xid = h.from_xid
where (h.known_to < h.known_from or ended.committed_at is distinct from h.known_to
    or began.committed_at is distinct from h.known_from)
    and not exists (select from ledger.history_breaks as b where b.table_name = {name} and b.xid = h.to_xid and b.times)
order by 2 limit 20
"""

_KNOWN = "select xid::text::bigint, step from ledger.history_breaks where table_name = %s and not times"

_ACCEPT = """
insert into ledger.history_breaks (table_name, xid, step, reason, times)
select distinct %(table)s, w.xid::text::xid8, 0, 'accepted', true from unnest(%(xids)s::bigint[]) as w (xid)
on conflict (table_name, xid, times) do nothing
"""

_NOTE = """
insert into ledger.history_breaks as b (table_name, xid, step, reason) values (%s, %s::text::xid8, %s, %s)
on conflict (table_name, xid, times) do update set step = excluded.step, reason = excluded.reason
"""


@dataclass(frozen=True)
class Break:
    """A transaction that ended more versions by updates than it began, or fewer.

    Attributes:
        step: how many more; negative: how many fewer.
        keys: of the first rows.
    """

    xid: int
    step: int
    keys: tuple[Key, ...]


def broken(connection: psycopg.Connection, schema: str, table: str) -> dict[int, Break]:
    """The transactions at which a table's versions do not follow each other; one query."""
    statement = _composed(connection, schema, table, _BROKEN)
    return {
        xid: Break(xid, step, tuple(tuple(key) for key in keys))
        for xid, step, keys in connection.execute(statement).fetchall()
    }


def unexplained(connection: psycopg.Connection, schema: str, table: str) -> list[Break]:
    """Those of broken() that no erasure and no person has explained."""
    known: dict[int, int] = dict(connection.execute(_KNOWN, (table,)).fetchall())
    found = broken(connection, schema, table)
    return [one for xid, one in sorted(found.items()) if known.get(xid) != one.step]


def note_breaks(
    connection: psycopg.Connection, table: str, now: dict[int, Break], before: dict[int, Break], reason: str
) -> None:
    """Record what has broken a chain since, and why; what was broken before stays unexplained."""
    for xid, one in now.items():
        if xid not in before or before[xid].step != one.step:
            connection.execute(_NOTE, (table, xid, one.step, reason))


def accept_times(connection: psycopg.Connection, schema: str, table: str) -> None:
    """Record that a person accepts times of settled versions that are not the ledger's."""
    while rows := connection.execute(_composed(connection, schema, table, _OUT_OF_TIME)).fetchall():
        connection.execute(_ACCEPT, {"table": table, "xids": [xid for _, xid, _ in rows]})


def out_of_time(connection: psycopg.Connection, schema: str, table: str) -> list[tuple[Key, str]]:
    """Settled versions whose times are not the ledger's: the key of the first ones, and what is wrong."""
    rows = connection.execute(_composed(connection, schema, table, _OUT_OF_TIME)).fetchall()
    return [(tuple(key), what) for key, _, what in rows]


def _composed(connection: psycopg.Connection, schema: str, table: str, statement: LiteralString) -> sql.Composed:
    key = key_of(connection, schema, table)

    def listed(form: LiteralString) -> sql.Composed:
        return sql.SQL(", ").join(sql.SQL(form + "::text").format(sql.Identifier(name)) for name in key)

    return sql.SQL(statement).format(
        name=sql.Literal(table),
        key_of_history=listed("h.{}"),
        key_of_log=listed("(l.version).{}"),
        key_of_row=listed("r.{}"),
        known_from=sql.Identifier(KNOWN_FROM),
        operation=sql.Identifier(OPERATION),
        history=sql.Identifier(HISTORY, table),
        log=log_of(table),
        current=sql.Identifier(schema, table),
    )
