"""Whether values of a file are those of a sensitive column of the warehouse, by salted hashes of a sample.

A file that was laundered under another name keeps its values. So a sample of it is compared with the sensitive columns
of the published marts and of the replica, in two ways:

    by person  the value beside a person's key in the file is what a sensitive column has of that person
    by value   most values of a column are values of a sensitive column in which nearly every row has its own

No value is sent or kept: both sides are hashed with a salt that lives as long as the comparison. Of keys the server
gets the last characters too, which many persons share, so that it need not hash each key of a table. Memory
does not grow with the rows: the sample has a limit, and the server reads so many rows of a table at most.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import psycopg
from psycopg import sql

from warehouse.core import terms
from warehouse.core.builds import published
from warehouse.core.classes import Classes

KEYS: Final = ("trn", "person_id", "live_trn", "live_person_id")
"""The columns that name a person, in a file and in the warehouse; the last two name the record that lives on."""

LARGEST_SHARE: Final = 0.5
"""A column of which so many sampled values are a sensitive column's is refused."""

FEWEST: Final = 5
"""Fewer distinct values than that say nothing: two lists of words can share them by accident."""

_FEWEST_BY_VALUE: Final = 20
_NEARLY_EVERY_ROW: Final = 0.3
"""By value, a sensitive column counts in which so many rows have a value of their own: numbers and addresses have;
first names, towns and countries have not, and other columns rightly share their values."""

_ROWS_READ: Final = 100_000
_HASH_BYTES: Final = 32  # of SHA-256
_ENDING: Final = 3  # characters
_SEPARATORS: Final = " -./,'"
_TEXTS: Final = ("text", "character varying", "character", "citext", "date")

_STANDING = """
select a.attname::text, c.oid::bigint, greatest(c.reltuples, 0)::float8
from pg_attribute as a
join pg_class as c on c.oid = a.attrelid
join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = %s and c.relname = %s and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
    and (a.attname = any (%s) or split_part(format_type(a.atttypid, null), '(', 1) = any (%s))
    and has_schema_privilege(n.oid, 'usage') and has_column_privilege(c.oid, a.attnum, 'select')
"""
_GIVEN: Final = sql.SQL("""
with given as materialized (
    select c.column_name, substring(c.hashes from %(size)s * i - %(size)s + 1 for %(size)s) as hash
    from unnest(%(columns)s::text[], %(hashes)s::bytea[]) as c (column_name, hashes)
    cross join lateral generate_series(1, length(c.hashes) / %(size)s) as i
)""")
_BY_PERSON = """
{given},
keys as materialized (
    select substring(%(keys)s::bytea from %(size)s * i - %(size)s + 1 for %(size)s) as hash
    from generate_series(1, length(%(keys)s::bytea) / %(size)s) as i
),
of_persons as materialized (
    select n.person_key as "the person's key", {columns}
    from {table} as s
    cross join lateral (values {keys}) as n (person_key)
    where case
        when right(n.person_key, %(ending)s) = any (%(endings)s)
            then sha256(convert_to(%(salt)s || n.person_key, 'UTF8')) in (select k.hash from keys as k)
        else false
    end
)
select x.place, p.column_name, count(distinct p.hash)
from of_persons as s
cross join lateral (values {values}) as x (place, value)
join given as p
    on p.hash = sha256(convert_to(%(salt)s || s."the person's key" || '|' || x.value, 'UTF8'))
where x.value <> ''
group by x.place, p.column_name
"""
_OWN = """
select x.place
from {table} as s {sampled}
cross join lateral (values {values}) as x (place, value)
where x.value <> ''
group by x.place
having count(distinct x.value) >= %(fewest)s and count(distinct x.value) >= %(own)s * count(*)
"""
_BY_VALUE = """
{given}
select x.place, v.column_name, count(distinct v.hash)
from {table} as s {sampled}
cross join lateral (values {values}) as x (place, value)
join given as v on v.hash = sha256(convert_to(%(salt)s || x.value, 'UTF8'))
where x.value <> ''
group by x.place, v.column_name
"""


def plain(value: str) -> str:
    """A value as it is compared: ASCII letters small, without blanks and signs between its parts."""
    return "".join(chr(ord(c) | 32) if "A" <= c <= "Z" else c for c in value if c not in _SEPARATORS)


def keys_among(names: Collection[str]) -> tuple[str, ...]:
    """The columns by which persons are recognised: two of them say as much as four."""
    return tuple(name for name in KEYS if name in names)[:2]


@dataclass
class Sample:
    """What is compared of a file. Holds hashes alone.

    Attributes:
        keys: of persons, hashed.
        endings: the last characters of the keys.
        rows: of each column, a person's key and the value beside it, hashed together: how many there are of each.
        values: of each column, distinct values, hashed.
        distinct: of each column, the distinct values that stand beside keys, hashed.
    """

    salt: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    keys: set[bytes] = field(default_factory=set)
    endings: set[str] = field(default_factory=set)
    rows: defaultdict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    values: defaultdict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    distinct: defaultdict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))

    def add_row(self, key: str, column: str, value: str) -> None:
        """A value beside a person's key."""
        if text := plain(value):
            self.keys.add(self._hash(key))
            self.endings.add(key[-_ENDING:])
            self.rows[column].add(self._hash(f"{key}|{text}"))
            self.distinct[column].add(self._hash(text))

    def add_value(self, column: str, value: str) -> None:
        """A value by itself."""
        if text := plain(value):
            self.values[column].add(self._hash(text))

    def _hash(self, text: str) -> bytes:
        return hashlib.sha256((self.salt + text).encode()).digest()


@dataclass(frozen=True)
class Place:
    """A table with sensitive columns, and with the columns that name a person."""

    schema: str
    table: str
    columns: tuple[str, ...]
    keys: tuple[str, ...]
    rows: float


@dataclass(frozen=True)
class Match:
    """A column of the file that holds a sensitive column's values.

    Attributes:
        found: how many of the sampled values, out of `sampled`.
    """

    column: str
    place: str
    found: int
    sampled: int


class Sensitive:
    """The warehouse's sensitive columns, looked up once for all files of a run."""

    def __init__(self) -> None:
        """Nothing is looked up yet."""
        self._places: tuple[Place, ...] | None = None
        self._own: dict[Place, tuple[str, ...]] = {}

    def places(self, connection: psycopg.Connection) -> tuple[Place, ...]:
        """Every table of the published marts and of the replica with sensitive columns of text or dates."""
        if self._places is None:
            self._places = tuple(_places(connection))
        return self._places

    def own(self, connection: psycopg.Connection, place: Place) -> tuple[str, ...]:
        """The columns of a place in which nearly every row has a value of its own."""
        if place not in self._own:
            query = sql.SQL(_OWN).format(table=_table(place), sampled=_sampled(place), values=_values(place.columns))
            given = {"fewest": _FEWEST_BY_VALUE, "own": _NEARLY_EVERY_ROW}
            self._own[place] = tuple(name for (name,) in connection.execute(query, given))
        return self._own[place]


def matches(connection: psycopg.Connection, sensitive: Sensitive, sample: Sample) -> list[Match]:
    """The columns of a sample whose values are those of a sensitive column that this role may read."""
    found: dict[str, Match] = {}
    for place in sensitive.places(connection):
        by_person = _by_person(connection, place, sample)
        by_value = _by_value(connection, place, sensitive, sample)
        for column, where, number in [*by_person, *by_value]:
            rows = len(sample.rows[column] if where.startswith("p:") else sample.values[column])
            match = Match(column, f"{place.schema}.{place.table}.{where[2:]}", number, rows)
            if column not in found or match.found > found[column].found:
                found[column] = match
    return [found[column] for column in sorted(found)]


def _places(connection: psycopg.Connection) -> Iterator[Place]:
    for schema, table, columns in _classified(connection):
        rows = connection.execute(_STANDING, (schema, table, list(KEYS), list(_TEXTS))).fetchall()
        names = [name for name, _, _ in rows]
        here = tuple(name for name in columns if name in names and name not in KEYS)
        if here:
            yield Place(schema, table, here, keys_among(names), rows[0][2])


def _classified(connection: psycopg.Connection) -> tuple[tuple[str, str, list[str]], ...]:
    build = published(connection)
    return _of_marts(tuple(one.name for one in build.relations.values() if one.schema == "marts") if build else ())


@lru_cache(maxsize=1)
def _of_marts(marts: tuple[str, ...]) -> tuple[tuple[str, str, list[str]], ...]:
    """Once for all files of a run: it is read from the YAML of every mart."""
    dictionary, classes = terms.load_terms(), Classes()
    found = []
    for mart in marts:
        # What an earlier version of the project published has no classes any more; the replica's still speak for it.
        if terms.has_model(mart):
            columns = terms.model_columns(mart, dictionary)
            # A TRN among collected values says nothing of a file; what is sensitive of them stands in the replica.
            probed = [c.name for c in columns if c.term.classification == "sensitive" and not c.collected]
            found.append(("marts", mart, probed))
    return (*found, *((classes.schema, table, names) for table, names in classes.replicated("sensitive").items()))


def _by_person(connection: psycopg.Connection, place: Place, sample: Sample) -> Iterator[tuple[str, str, int]]:
    rows = {name: hashes for name, hashes in sample.rows.items() if len(sample.distinct[name]) >= FEWEST}
    if not rows or not place.keys:
        return
    keys = sql.SQL(", ").join(sql.SQL("(s.{}::text)").format(sql.Identifier(key)) for key in place.keys)
    columns = sql.SQL(", ").join(sql.SQL("s.{}").format(sql.Identifier(name)) for name in place.columns)
    query = sql.SQL(_BY_PERSON).format(
        given=_GIVEN, table=_table(place), keys=keys, columns=columns, values=_values(place.columns)
    )
    given = {"keys": b"".join(sample.keys), "ending": _ENDING, "endings": list(sample.endings)}
    for where, column, number in connection.execute(query, _given(sample, rows) | given):
        if number >= max(FEWEST, LARGEST_SHARE * len(rows[column])):
            yield column, f"p:{where}", number


def _by_value(
    connection: psycopg.Connection, place: Place, sensitive: Sensitive, sample: Sample
) -> Iterator[tuple[str, str, int]]:
    values = {name: hashes for name, hashes in sample.values.items() if len(hashes) >= _FEWEST_BY_VALUE}
    own = sensitive.own(connection, place) if values else ()
    if not own:
        return
    query = sql.SQL(_BY_VALUE).format(given=_GIVEN, table=_table(place), sampled=_sampled(place), values=_values(own))
    for where, column, number in connection.execute(query, _given(sample, values)):
        if number >= max(FEWEST, LARGEST_SHARE * _share(place) * len(values[column])):
            yield column, f"v:{where}", number


def _share(place: Place) -> float:
    """How much of a table's rows is read by value."""
    return min(1.0, _ROWS_READ / place.rows) if place.rows else 1.0


def _sampled(place: Place) -> sql.Composable:
    """The same rows each time; REPEATABLE fixes them."""
    share = _share(place)
    if share == 1:
        return sql.SQL("")
    return sql.SQL("tablesample system ({}) repeatable (1)").format(sql.Literal(100 * share))


def _given(sample: Sample, hashes: Mapping[str, set[bytes]]) -> dict[str, object]:
    """The hashes of each column in one piece: thousands of single ones took a fifth of a delivery to write as SQL."""
    joined = [b"".join(found) for found in hashes.values()]
    return {"salt": sample.salt, "size": _HASH_BYTES, "columns": list(hashes), "hashes": joined}


def _table(place: Place) -> sql.Identifier:
    return sql.Identifier(place.schema, place.table)


def _values(columns: Collection[str]) -> sql.Composed:
    """Columns of a row, each with its name and its value as `plain` would have it."""
    return sql.SQL(", ").join(
        sql.SQL("({}::text, translate(lower(s.{}::text collate \"C\"), {}, ''))").format(
            sql.Literal(name), sql.Identifier(name), sql.Literal(_SEPARATORS)
        )
        for name in columns
    )
