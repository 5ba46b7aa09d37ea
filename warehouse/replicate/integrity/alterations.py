"""Whether the replica still is what we made: its columns, keys, triggers, functions and views.

What the stream cannot notice is looked at here: with a trigger disabled, history would miss versions in silence; with
a rule added, the next row of the source may not fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from warehouse.replicate.catalog.names import (
    BY_HAND,
    DISCARD,
    FIRST_COPY,
    HISTORY,
    OWN_COLUMNS,
    TRIGGERS,
    VERSIONS,
    WITHOUT_CREDENTIALS,
)
from warehouse.replicate.classification import Classification
from warehouse.replicate.integrity import apparatus


@dataclass(frozen=True)
class Table:
    """What a table of the replica is like in the warehouse. `triggers` has how each fires: A is always, D is not."""

    name: str
    columns: frozenset[str]
    key: tuple[str, ...]
    triggers: tuple[tuple[str, str], ...]
    rules: tuple[str, ...]
    has_log: bool
    has_history: bool
    has_view: bool
    writers: tuple[str, ...]


@dataclass(frozen=True)
class Alteration:
    """One thing that is not as it was made.

    Attributes:
        restorable: `apparatus.restore()` makes it as it was.
    """

    table: str
    what: str
    restorable: bool = False


_TABLES = """
select
    c.relname,
    array(
        select a.attname::text from pg_attribute as a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    ),
    array(
        select a.attname::text from pg_index as i
        cross join lateral unnest(i.indkey::int2[]) with ordinality as k (attnum, number)
        join pg_attribute as a on a.attrelid = c.oid and a.attnum = k.attnum
        where i.indrelid = c.oid and i.indisprimary order by k.number
    ),
    array(
        select array[t.tgname::text, t.tgenabled::text] from pg_trigger as t
        where t.tgrelid = c.oid and not t.tgisinternal order by t.tgname
    ),
    array(
        select k.conname::text from pg_constraint as k where k.conrelid = c.oid and k.contype in ('c', 'f', 'u', 'x')
        union
        select x.relname::text from pg_index as i join pg_class as x on x.oid = i.indexrelid
        where i.indrelid = c.oid and i.indisunique and not i.indisprimary
        union
        select a.attname || ' not null' from pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0 and a.attnotnull and not a.attisdropped
            and a.attname <> all(%(own)s)
            and not exists (
                select from pg_index as i
                where i.indrelid = c.oid and i.indisprimary and a.attnum = any(i.indkey::int2[])
            )
        order by 1
    ),
    to_regclass(format('%%I.%%I', %(history)s::text, c.relname || '_log')) is not null,
    to_regclass(format('%%I.%%I', %(history)s::text, c.relname)) is not null,
    to_regclass(format('%%I.%%I', %(versions)s::text, c.relname)) is not null,
    array(
        select distinct coalesce(r.rolname::text, 'everybody') from aclexplode(c.relacl) as g
        left join pg_roles as r on r.oid = g.grantee
        where g.grantee <> c.relowner and g.privilege_type in ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE') order by 1
    )
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = %(schema)s and c.relname = any(%(tables)s) and c.relkind in ('r', 'p')
order by c.relname
"""


def read(connection: psycopg.Connection, schema: str, tables: Sequence[str]) -> dict[str, Table]:
    """The replica's tables as they are now."""
    rows = connection.execute(
        _TABLES,
        {
            "own": list(OWN_COLUMNS),
            "history": HISTORY,
            "versions": VERSIONS,
            "schema": schema,
            "tables": list(tables),
        },
    )
    return {
        row[0]: Table(
            row[0],
            frozenset(row[1]),
            tuple(row[2]),
            tuple((name, fires) for name, fires in row[3]),
            tuple(row[4]),
            row[5],
            row[6],
            row[7],
            tuple(row[8]),
        )
        for row in rows
    }


def alterations(
    actual: dict[str, Table], sent: dict[str, list[str]], without_credentials: frozenset[str]
) -> list[Alteration]:
    """What is not as it was made.

    Args:
        sent: what the publication sends: the tables and columns that the stream needs here.
        without_credentials: the tables that have JSON columns of which credentials are taken out.
    """
    told = []
    for name, columns in sent.items():
        table = actual.get(name)
        if table is None:
            told.append(Alteration(name, "the table is gone"))
            continue
        history = _of_history(table, wants_filter=name in without_credentials)
        told += [Alteration(name, what, restorable=True) for what in history]
        told += [Alteration(name, what) for what in _of(table, columns)]
    return told


def _of_history(table: Table, *, wants_filter: bool) -> list[str]:
    """What keeps the history, or notes writes by hand, and does so no more."""
    told = []
    fires = dict(table.triggers)
    for trigger in (*TRIGGERS, *((WITHOUT_CREDENTIALS,) if wants_filter else ())):
        if trigger not in fires:
            told.append(f"trigger {trigger} is gone")
        elif fires[trigger] != "A":
            told.append(f"trigger {trigger} does not fire for what is replicated")
    ours = [(trigger, how) for trigger, how in table.triggers if trigger.startswith(BY_HAND)]
    told += [f"trigger {trigger} was disabled" for trigger, how in ours if how == "D"]
    if not table.has_view:
        told.append("the view of its versions is gone")
    return told


def _of(table: Table, columns: Sequence[str]) -> list[str]:
    told = [f"column {column} is gone" for column in [*columns, *OWN_COLUMNS] if column not in table.columns]
    if not table.key:
        told.append("the primary key is gone")
    known = {*TRIGGERS, WITHOUT_CREDENTIALS, DISCARD, FIRST_COPY}
    told += [
        f"trigger {trigger} was added, and fires for what is replicated"
        for trigger, how in table.triggers
        if trigger not in known and not trigger.startswith(BY_HAND) and how in ("A", "R")
    ]
    told += [f"rule {rule} was added; a row of the source may not fit" for rule in table.rules]
    if not table.has_log or not table.has_history:
        told.append("its history is gone")
    if table.writers:
        told.append(f"{', '.join(table.writers)} may write it; only the stream should")
    return told


def altered(
    connection: psycopg.Connection, classification: Classification, sent: dict[str, list[str]]
) -> list[Alteration]:
    """What of the replica is not as it was made. Only reads."""
    actual = read(connection, classification.schema_name, list(sent))
    filtered = frozenset(table for table in sent if table in classification.tables and classification.without(table))
    made_otherwise = [
        Alteration(one.table, one.what, restorable=True) for one in apparatus.faults(connection, classification, sent)
    ]
    return [*alterations(actual, sent, filtered), *made_otherwise]
