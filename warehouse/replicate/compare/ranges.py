"""One table, both sides: ranges of the key's hash, and the rows of those that differ."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from psycopg import sql

from warehouse.replicate.catalog.names import HISTORY, KNOWN_FROM
from warehouse.replicate.compare.keys import Key, Keys
from warehouse.replicate.compare.lookup import listed, same_key
from warehouse.replicate.compare.proof import is_new
from warehouse.replicate.compare.row_hash import Method, key_hash, key_texts, row_hash
from warehouse.replicate.compare.spec import AsOf, Horizon, TableSpec

ROWS_IN_A_RANGE = 64
"""So few, because one damaged row makes the keys of its whole range travel."""

MOST_RANGES_BITS = 17
"""131,072 ranges are 15 MB in this process and in each server; from 8 million rows on ranges have more rows."""

PLACES = 4
"""So many new rows of a range are listed with their place; for more of them the table is read again."""

Summary = Mapping[int, tuple[int, int]]
"""Rows and the sum of their hashes (by exclusive or) of each range that has rows."""

KeyedRow = tuple[int | str, ...]
"""The key's hash, the row's hash, and the key's columns as text."""


def range_bits(rows: int, in_a_range: int = ROWS_IN_A_RANGE) -> int:
    """How many leading bits of the key's hash make a range, for a table of about so many rows."""
    return min(max(math.ceil(math.log2(max(rows, 1) / in_a_range)), 0), MOST_RANGES_BITS)


def differing(there: Summary, here: Summary) -> list[int]:
    """The ranges whose content is not the same."""
    return sorted(number for number in there.keys() | here.keys() if there.get(number) != here.get(number))


_KEY_SUMMARY = sql.SQL("""
select
    {range} as range,
    count(*),
    bit_xor(key_hash),
    bit_xor((select {row} from {table} as u where u.ctid = t.place and u.tableoid = t.part)) filter (where is_new),
    (array_agg(place) filter (where is_new))[:{places}]::text[]
from (
    select {key} as key_hash, {new} as is_new, t.ctid as place, t.tableoid as part from {table} as t offset 0
) as t
group by range
""")
"""The subquery is kept apart (offset 0), so that a row's key is hashed once, and only what is summed goes to the sums.
New rows are read again by their place, for the few that are new: if the scan named columns, every row would be taken
apart."""


@dataclass
class Differences:
    """Keys of rows that only one side has, or both with different content; and in how many ranges."""

    ranges: int = 0
    missing: Keys = field(default_factory=Keys)
    extra: Keys = field(default_factory=Keys)
    changed: Keys = field(default_factory=Keys)


@dataclass(frozen=True)
class Queries:
    """The questions to one side about one table. All give integers and texts only."""

    spec: TableSpec
    method: Method
    bits: int
    at_source: bool
    as_of: AsOf | None = None

    def summary(self) -> sql.Composed:
        """Each range with its rows and the sum of their hashes."""
        return sql.SQL("select {} as range, count(*), bit_xor({}) from {} group by range").format(
            self._range(), self._row_hash, self._relation()
        )

    def rows(self, ranges: Iterable[int]) -> sql.Composed:
        """The keyed rows of some ranges, in the order of their keys' hashes."""
        return self._keyed_rows(self._relation(), sql.SQL("{} = any({})").format(self._range(), _numbers(ranges)))

    def key_summary(self, horizon: Horizon) -> sql.Composed:
        """Each range with its rows, the sum of their keys' hashes, the sum of the hashes of new rows, and the places of
        some of these."""
        return _KEY_SUMMARY.format(
            range=self._range(sql.SQL("key_hash")),
            row=self._row_hash,
            places=sql.Literal(PLACES + 1),
            key=self._key_hash,
            new=is_new(horizon.xmin),
            table=self._table(),
        )

    def new_rows(self, ranges: Sequence[int], horizon: Horizon, places: Sequence[str] | None) -> sql.Composed:
        """The keyed rows of some ranges that are new, in the order of their keys' hashes.

        Args:
            places: where they are, among others; None when that is not known.
        """
        condition = sql.SQL("{} and {} = any({})").format(is_new(horizon.xmin), self._range(), _numbers(ranges))
        if places is not None:
            condition = sql.SQL("t.ctid = any({}::tid[]) and {}").format(sql.Literal(list(places)), condition)
        return self._keyed_rows(sql.SQL("{} as t").format(self._table()), condition)

    def keys(self, hashes: Sequence[int], ranges: Sequence[int]) -> sql.Composed:
        """The keys with some hashes or in some ranges, in the same order; the rows' hashes are left at 0."""
        wanted = ((self._key_hash, hashes), (self._range(), ranges))
        one_of = sql.SQL(" or ").join(
            sql.SQL("{} = any({})").format(value, _numbers(numbers)) for value, numbers in wanted if numbers
        )
        # The first condition is all that most rows are asked.
        all_ranges = {*ranges, *(range_of(hashed, self.bits) for hashed in hashes)}
        condition = sql.SQL("{} = any({}) and ({})").format(self._range(), _numbers(sorted(all_ranges)), one_of)
        return self._keyed_rows(self._table(), condition, sql.SQL("0::bigint"))

    def by_keys(self, keys: Sequence[Key]) -> sql.Composed:
        """The hashes and keys of the rows that are there of some keys."""
        columns = sql.SQL(", ").join(sql.Identifier("t", column.name) for column in self.spec.columns)
        return sql.SQL("select {}, {} from (select {} from {} as t join {} on {}) as found").format(
            self._row_hash,
            sql.SQL(", ").join(key_texts(self.spec)),
            columns,
            self._table(),
            listed(self.spec, keys),
            same_key(self.spec),
        )

    def _keyed_rows(
        self, relation: sql.Composable, condition: sql.Composable, row_hash: sql.Composable | None = None
    ) -> sql.Composed:
        names = [sql.Identifier(f"key_{number}") for number in range(len(self.spec.key))]
        keys = [sql.SQL("{} as {}").format(text, name) for text, name in zip(key_texts(self.spec), names, strict=True)]
        return sql.SQL("select {} as key_hash, {}, {} from {} where {} order by key_hash, {}").format(
            self._key_hash,
            row_hash or self._row_hash,
            sql.SQL(", ").join(keys),
            relation,
            condition,
            sql.SQL(", ").join(names),
        )

    @cached_property
    def _row_hash(self) -> sql.Composable:
        return row_hash(self.spec, self.method, at_source=self.at_source)

    @cached_property
    def _key_hash(self) -> sql.Composable:
        return key_hash(self.spec, self.method)

    def _table(self) -> sql.Composable:
        return sql.Identifier(self.spec.schema, self.spec.table)

    def _range(self, key_hash: sql.Composable | None = None) -> sql.Composable:
        # A shift by all 64 bits would be a shift by none.
        return (
            sql.SQL("({} >> {})").format(key_hash or self._key_hash, sql.Literal(64 - self.bits))
            if self.bits
            else sql.SQL("0::bigint")
        )

    def _relation(self) -> sql.Composable:
        if self.at_source or self.as_of is None or not self.as_of.later:
            return self._table()
        return _as_of(self.spec, self.as_of)


def _as_of(spec: TableSpec, as_of: AsOf) -> sql.Composable:
    """The table as it was before some transactions: what they did not bring, and what they ended."""
    names = [column.name for column in spec.columns]
    later = sql.SQL("{}::xid8[]").format(sql.Literal([str(xid) for xid in as_of.later]))
    first = sql.SQL("{}::xid8").format(sql.Literal(str(min(as_of.later))))
    parts = [
        # The first condition decides for nearly every row, and costs next to nothing.
        sql.SQL("select {} from {} where {known} < {} or {known} <> all({})").format(
            sql.SQL(", ").join(map(sql.Identifier, names)),
            sql.Identifier(spec.schema, spec.table),
            first,
            later,
            known=sql.Identifier(KNOWN_FROM),
        ),
        sql.SQL("select {} from {} as l where l.known_to_xid = any({later}) and (l.version).{} <> all({later})").format(
            sql.SQL(", ").join(sql.SQL("(l.version).{}").format(sql.Identifier(name)) for name in names),
            sql.Identifier(HISTORY, f"{spec.table}_log"),
            sql.Identifier(KNOWN_FROM),
            later=later,
        ),
    ]
    if as_of.settled:
        parts.append(
            sql.SQL(
                "select {} from {} where to_xid = any({later}) and from_xid <> all({later}) and known_to >= {}"
            ).format(
                sql.SQL(", ").join(map(sql.Identifier, names)),
                sql.Identifier(HISTORY, spec.table),
                sql.Literal(as_of.first_commit),
                later=later,
            )
        )
    return sql.SQL("({}) as at_position").format(sql.SQL(" union all ").join(parts))


def walk(
    there: Iterable[KeyedRow], here: Iterable[KeyedRow]
) -> Iterator[tuple[KeyedRow, KeyedRow | None] | tuple[None, KeyedRow]]:
    """Both sides' rows, each in the order of hash and key: a key's row on either side, None where it is not."""
    left, right = iter(there), iter(here)
    a, b = next(left, None), next(right, None)
    while a is not None or b is not None:
        if b is None or (a is not None and _order(a) < _order(b)):
            assert a is not None
            yield a, None
            a = next(left, None)
        elif a is None or _order(b) < _order(a):
            yield None, b
            b = next(right, None)
        else:
            yield a, b
            a, b = next(left, None), next(right, None)


def merge(source: Iterable[KeyedRow], replica: Iterable[KeyedRow], found: Differences) -> None:
    """Add the keys that differ, from all rows of some ranges of both sides."""
    for a, b in walk(source, replica):
        if a is None:
            assert b is not None
            found.extra.add(key_of(b))
        elif b is None:
            found.missing.add(key_of(a))
        elif a[1] != b[1]:
            found.changed.add(key_of(a))


def _order(row: KeyedRow) -> tuple[int | str, ...]:
    # The servers order texts by their bytes in UTF-8; that is the order of code points, which is Python's.
    return (row[0], *row[2:])


def key_of(row: KeyedRow) -> Key:
    """The key of a keyed row."""
    return tuple(str(part) for part in row[2:])


def range_of(key_hash: int, bits: int) -> int:
    """The range of a key's hash, as the servers find it."""
    return key_hash >> (64 - bits) if bits else 0


def _numbers(numbers: Iterable[int]) -> sql.Composable:
    return sql.SQL("{}::bigint[]").format(sql.Literal(list(numbers)))
