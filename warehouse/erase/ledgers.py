"""Ledgers that may name a person or a key of their rows: conflicts, skipped transactions, differing keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import psycopg
from psycopg import sql

from warehouse.core.database import one
from warehouse.erase.relations import LEDGER
from warehouse.erase.rows import Found
from warehouse.erase.subject import Subject, pattern

_NOBODY = {
    "migrations": "files of this program",
    "transactions": "numbers and times only, and very many of them",
    "erasures": "never says who",
    "erased_places": "names of tables",
    "erased_deliveries": "names of files",
    "delivery_transitions": "the steps there are",
    "delivery_states": "states and times only",
    "delivery_files": "names and checksums",
}
"""Ledgers that hold no key of a row, each with the reason. Every other is searched, a new one too."""

_ERASED = "(erased)"
_NIL = "00000000-0000-0000-0000-000000000000"

_COLUMNS = """
select c.relname, a.attname, format_type(a.atttypid, -1), c.oid,
    exists (select from pg_index as i where i.indrelid = c.oid and i.indisunique and a.attnum = any(i.indkey))
from pg_class as c join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = to_regnamespace(%s) and c.relkind in ('r', 'p') and not c.relispartition
    and format_type(a.atttypid, -1) in
        ('text', 'text[]', 'character varying', 'character varying[]', 'json', 'jsonb', 'uuid', 'uuid[]')
    and not c.relname = any(%s)
order by c.relname, a.attnum
"""


@dataclass(frozen=True)
class _Column:
    table: str
    name: str
    type: str
    oid: int
    is_key: bool


def count(connection: psycopg.Connection, subject: Subject) -> list[Found]:
    """The ledgers' rows that name the person."""
    found: dict[str, Found] = {}
    for column in _columns(connection):
        query = sql.SQL("select count(*) from {} as t where {}").format(
            sql.Identifier(LEDGER, column.table), _names(column, subject.words)
        )
        (rows,) = one(connection, query)
        if rows:
            before = found.get(column.table)
            place = f"{LEDGER}.{column.table}"
            # A row may name them in two columns; the larger count is the nearest to the number of rows.
            found[column.table] = Found(place, "ledger", max(int(rows), before.theirs if before else 0))
    return list(found.values())


def clean(connection: psycopg.Connection, subject: Subject, keys: Iterable[str]) -> list[Found]:
    """Blot out the person and the keys of their rows. The ledgers' rows stay: what happened stays on record.

    Only where the identifier is part of a row's own key does the row go.

    Args:
        keys: of the rows that were deleted.
    """
    words = [*subject.words, *sorted(set(keys) - set(subject.words))]
    found: dict[str, tuple[int, int]] = {}
    for column in _columns(connection):
        table, names = sql.Identifier(LEDGER, column.table), _names(column, words)
        gone, blotted = found.get(column.table, (0, 0))
        if column.is_key:
            gone += connection.execute(sql.SQL("delete from {} as t where {}").format(table, names)).rowcount
        else:
            blotted += connection.execute(
                sql.SQL("update {} as t set {} = regexp_replace({}, {}, {}, 'gi')::{} where {}").format(
                    table,
                    sql.Identifier(column.name),
                    _text(column),
                    sql.Literal(_pattern(column, words)),
                    sql.Literal(_NIL if column.type.startswith("uuid") else _ERASED),
                    sql.SQL(column.type),
                    names,
                )
            ).rowcount
        if gone or blotted:
            found[column.table] = gone, blotted
    return [Found(f"{LEDGER}.{table}", "ledger", *counts) for table, counts in found.items()]


def _columns(connection: psycopg.Connection) -> list[_Column]:
    return [_Column(*row) for row in connection.execute(_COLUMNS, (LEDGER, list(_NOBODY)))]


def _text(column: _Column) -> sql.Composed:
    return sql.SQL('({}::text collate "C")').format(sql.Identifier("t", column.name))


def _pattern(column: _Column, words: Iterable[str]) -> str:
    return pattern(words, json=column.type.startswith("json"))


def _names(column: _Column, words: list[str]) -> sql.Composed:
    return sql.SQL("coalesce({} ~* {}, false)").format(_text(column), sql.Literal(_pattern(column, words)))
