"""One table, both sides: ranges of the key's hash, and the rows of those that differ."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from psycopg import sql

from warehouse.replicate.compare.keys import Keys
from warehouse.replicate.compare.row_hash import Method, key_hash, key_texts, row_hash
from warehouse.replicate.compare.spec import AsOf, TableSpec
from warehouse.replicate.replica import HISTORY, KNOWN_FROM

ROWS_IN_A_RANGE = 64
"""So few, because one damaged row makes the keys of its whole range travel."""

MOST_RANGES_BITS = 17
"""131,072 ranges are 15 MB in this process and in each server; from 8 million rows on ranges have more rows."""

Summary = Mapping[int, tuple[int, int]]
"""Rows and the sum of their hashes (by exclusive or) of each range that has rows."""

KeyedRow = tuple[int | str, ...]
"""The key's hash, the row's hash, and the key's columns as text."""


def range_bits(rows: int) -> int:
    """How many leading bits of the key's hash make a range, for a table of about so many rows."""
    return min(max(math.ceil(math.log2(max(rows, 1) / ROWS_IN_A_RANGE)), 0), MOST_RANGES_BITS)


def differing(there: Summary, here: Summary) -> list[int]:
    """The ranges whose content is not the same."""
    return sorted(number for number in there.keys() | here.keys() if there.get(number) != here.get(number))


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
            self._range(), row_hash(self.spec, self.method, at_source=self.at_source), self._relation()
        )

    def rows(self, ranges: Iterable[int]) -> sql.Composed:
        """The keyed rows of some ranges, in the order of their keys' hashes."""
        names = [sql.Identifier(f"key_{number}") for number in range(len(self.spec.key))]
        keys = [sql.SQL("{} as {}").format(text, name) for text, name in zip(key_texts(self.spec), names, strict=True)]
        return sql.SQL(
            "select {} as key_hash, {}, {} from {} where {} = any({}::bigint[]) order by key_hash, {}"
        ).format(
            key_hash(self.spec),
            row_hash(self.spec, self.method, at_source=self.at_source),
            sql.SQL(", ").join(keys),
            self._relation(),
            self._range(),
            sql.Literal(list(ranges)),
            sql.SQL(", ").join(names),
        )

    def _range(self) -> sql.Composable:
        # A shift by all 64 bits would be one by none.
        return (
            sql.SQL("({} >> {})").format(key_hash(self.spec), sql.Literal(64 - self.bits))
            if self.bits
            else sql.SQL("0::bigint")
        )

    def _relation(self) -> sql.Composable:
        spec = self.spec
        current = sql.Identifier(spec.schema, spec.table)
        if self.at_source or self.as_of is None or not self.as_of.later:
            return current
        return _as_of(spec, self.as_of)


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


def merge(there: Iterable[KeyedRow], here: Iterable[KeyedRow], missing: Keys, extra: Keys, changed: Keys) -> None:
    """Walk both sides' rows, each in the order of hash and key, and put down the keys that differ."""
    left, right = iter(there), iter(here)
    a, b = next(left, None), next(right, None)
    while a is not None or b is not None:
        if b is None or (a is not None and _order(a) < _order(b)):
            assert a is not None
            missing.add(_key(a))
            a = next(left, None)
        elif a is None or _order(b) < _order(a):
            extra.add(_key(b))
            b = next(right, None)
        else:
            if a[1] != b[1]:
                changed.add(_key(a))
            a, b = next(left, None), next(right, None)


def _order(row: KeyedRow) -> tuple[int | str, ...]:
    # The servers order texts by their bytes in UTF-8; that is the order of code points, which is Python's.
    return (row[0], *row[2:])


def _key(row: KeyedRow) -> tuple[str, ...]:
    return tuple(str(part) for part in row[2:])


def summary_of(rows: Iterator[tuple[int, int, int]]) -> dict[int, tuple[int, int]]:
    """A summary from its rows."""
    return {number: (count, hashed) for number, count, hashed in rows}
