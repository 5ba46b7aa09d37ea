"""Ledgers that may name a person or a key of their rows: conflicts, skipped transactions, differing keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import psycopg
from psycopg import sql

from warehouse.core.database import one
from warehouse.core.identifiers import is_number
from warehouse.erase.conditions import ERASED
from warehouse.erase.relations import LEDGER
from warehouse.erase.rows import Found
from warehouse.erase.spelling import DIGESTS, any_of
from warehouse.erase.subject import Subject

_NOBODY = {
    "migrations": "files of this program",
    "transactions": "numbers and times only, and very many of them",
    "erasures": "never says who",
    "erased_places": "names of tables",
    "erased_deliveries": "names of files",
    "delivery_transitions": "the steps there are",
    "delivery_states": "states and times only",
    "delivery_files": "names and checksums",
    "delivery_indexes": "kinds and counts only",
    "change_sets": "positions, and names of tables and columns",
    "delivered_people": "numbers only, and very many of them",
    "delivered_identifiers": "keyed digests, which the erasure deletes by themselves",
    "erased_identifiers": "keyed digests, by which a person who comes back is noticed",
    "builds.lineage": "names of columns, as the project's files have them; megabytes for each build",
}
"""Ledgers, and columns of them, that hold no key of a row, each with the reason. All else is searched, new ones too."""

_NOTHING = "a^"
"""An expression that matches nothing."""
_NIL = "00000000-0000-0000-0000-000000000000"

_NAMES = """
coalesce(
    {0} ~* %(words)s::text
    or ({0} ~* %(numbers)s::text and regexp_replace({0}, %(digests)s::text, '', 'gi') ~* %(numbers)s::text),
    false
)
"""
_BLOT_OUT = """
update {} as t
set {} = regexp_replace(regexp_replace({}, %(words)s::text, {}, 'gi'), %(numbers)s::text, {}, 'gi')::{}
where {}
"""
_COLUMNS = """
select c.relname, a.attname, format_type(a.atttypid, -1), c.oid,
    exists (select from pg_index as i where i.indrelid = c.oid and i.indisunique and a.attnum = any(i.indkey))
from pg_class as c join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = to_regnamespace(%s) and c.relkind in ('r', 'p') and not c.relispartition
    and format_type(a.atttypid, -1) in
        ('text', 'text[]', 'character varying', 'character varying[]', 'json', 'jsonb', 'uuid', 'uuid[]')
    and not array[c.relname::text, c.relname || '.' || a.attname] && %s::text[]
order by c.relname, a.attnum
"""


@dataclass(frozen=True)
class _Column:
    table: str
    name: str
    type: str
    oid: int
    is_key: bool


def count(connection: psycopg.Connection, subject: Subject, hashes: Iterable[str] = ()) -> list[Found]:
    """The ledgers' rows that name the person.

    Args:
        hashes: the keyed hashes of their identifiers, as ledgers write them.
    """
    found: dict[str, Found] = {}
    words = [*subject.words, *hashes]
    for column in _columns(connection):
        query = sql.SQL("select count(*) from {} as t where {}").format(
            sql.Identifier(LEDGER, column.table), _names(column)
        )
        (rows,) = one(connection, query, _values(column, words))
        if rows:
            before = found.get(column.table)
            place = f"{LEDGER}.{column.table}"
            # A row may name them in two columns; the larger count is the nearest to the number of rows.
            found[column.table] = Found(place, "ledger", max(int(rows), before.theirs if before else 0))
    return list(found.values())


def clean(connection: psycopg.Connection, subject: Subject, others: Iterable[str]) -> list[Found]:
    """Blot out the person and the keys of their rows. The ledgers' rows stay: what happened stays on record.

    Only where the identifier is part of a row's own key does the row go.

    Args:
        others: the keys of the rows that were deleted, and the keyed hashes of the person's identifiers.
    """
    words = [*subject.words, *sorted(set(others) - set(subject.words))]
    found: dict[str, tuple[int, int]] = {}
    for column in _columns(connection):
        table, names, values = sql.Identifier(LEDGER, column.table), _names(column), _values(column, words)
        gone, blotted = found.get(column.table, (0, 0))
        if column.is_key:
            gone += connection.execute(sql.SQL("delete from {} as t where {}").format(table, names), values).rowcount
        else:
            update = sql.SQL(_BLOT_OUT).format(
                table,
                sql.Identifier(column.name),
                _text(column),
                sql.Literal(_NIL if column.type.startswith("uuid") else ERASED),
                # In JSON this is a number where one stood, and a text inside of a text.
                sql.Literal("0" if column.type.startswith("json") else ERASED),
                sql.SQL(column.type),
                names,
            )
            blotted += connection.execute(update, values).rowcount
        if gone or blotted:
            found[column.table] = gone, blotted
    return [Found(f"{LEDGER}.{table}", "ledger", *counts) for table, counts in found.items()]


def _columns(connection: psycopg.Connection) -> list[_Column]:
    return [_Column(*row) for row in connection.execute(_COLUMNS, (LEDGER, list(_NOBODY)))]


def _text(column: _Column) -> sql.Composed:
    return sql.SQL('({}::text collate "C")').format(sql.Identifier("t", column.name))


def _values(column: _Column, words: Iterable[str]) -> dict[str, str]:
    """Of the placeholders. In JSON of ours a number of its own is a count, and no TRN."""
    counts = column.type.startswith("json")
    numbers = [word for word in words if is_number(word)]
    return {
        "words": any_of(word for word in words if word not in numbers) or _NOTHING,
        "numbers": any_of(numbers, counts=counts) or _NOTHING,
        "digests": DIGESTS,
    }


def _names(column: _Column) -> sql.Composed:
    return sql.SQL(_NAMES).format(_text(column))
