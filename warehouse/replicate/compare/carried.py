"""A comparison from a proof: of rows that neither side has written since, only the keys are compared.

Each side tells of every range the number of its rows, the sum of their keys' hashes and the sum of the hashes of its
new rows. Where these are the same on both sides, so is the content. Where they are not, the new rows of the range come
over, and the row that only one side has: when it is one, the sums of both sides differ by the hash of its key. A row
that is new on one side only, such as one that was updated to what it was before, is looked up on the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

from warehouse.replicate.compare.keys import Key, Keys
from warehouse.replicate.compare.ranges import KeyedRow, Queries, Wanted, key_of, range_of, walk

ROWS_IN_A_RANGE = 128
"""More than in a full comparison: of a range that differs few rows come over, whatever it holds."""

MOST_DIFFERING = 0.9
"""When more of the ranges differ than this, looking into every row is cheaper."""

MOST_WHOLE = 0.25
"""The same of ranges of which every row is wanted."""

FEW_RANGES = 32
"""So many may differ in any table: their rows are few, and it is seen whether they were written."""

MOST_FOUND = 500_000
"""So many rows that differ are held in memory; with more of them, too, every row is looked into."""

_LOOKED_UP = 5_000

KeySummary = Mapping[int, tuple[int, int, int | None]]
"""Of each range: rows, the sum of their keys' hashes, and the sum of the hashes of new rows, if there are any."""

Kind = Literal["missing", "extra", "changed"]

_EMPTY: tuple[int, int, int | None] = (0, 0, None)


@dataclass(frozen=True)
class Side:
    """How one side is asked.

    Attributes:
        rows: gives keyed rows in the order of their keys' hashes.
        by_keys: gives a row's hash for each of some keys that is there.
    """

    queries: Queries
    rows: Callable[[Wanted], Iterable[KeyedRow]]
    by_keys: Callable[[Sequence[Key]], Mapping[Key, int]]


@dataclass
class Differences:
    """What was found, and in how many ranges."""

    ranges: int = 0
    missing: Keys = field(default_factory=Keys)
    extra: Keys = field(default_factory=Keys)
    changed: Keys = field(default_factory=Keys)


@dataclass(frozen=True)
class _Found:
    kind: Kind
    key_hash: int
    key: Key


@dataclass(frozen=True)
class Asked:
    """What has to come over of the ranges that differ.

    Attributes:
        keys: for each range the number of rows and the sum of keys' hashes that the source has more.
    """

    keys: Mapping[int, tuple[int, int]]
    source: Wanted
    warehouse: Wanted


def asked(there: KeySummary, here: KeySummary) -> Asked:
    """What to ask for, from both sides' summaries."""
    keys: dict[int, tuple[int, int]] = {}
    whole = list[int]()
    news: tuple[list[int], list[int]] = ([], [])
    singles: tuple[list[int], list[int]] = ([], [])
    for number in {number for number, _ in there.items() ^ here.items()}:
        ours, theirs = here.get(number, _EMPTY), there.get(number, _EMPTY)
        more, mixed = theirs[0] - ours[0], theirs[1] ^ ours[1]
        keys[number] = more, mixed
        if (mixed and not more) or abs(more) > 1:
            whole.append(number)
            continue
        if more:
            singles[0 if more > 0 else 1].append(mixed)
        for side, new in enumerate((theirs[2], ours[2])):
            if new is not None and theirs[2] != ours[2]:
                news[side].append(number)
    source, warehouse = (Wanted(tuple(whole), tuple(n), tuple(s)) for n, s in zip(news, singles, strict=True))
    return Asked(keys, source, warehouse)


def differences(there: KeySummary, here: KeySummary, source: Side, warehouse: Side) -> Differences | None:
    """What differs, by the summaries of both sides; None when so much does that every row should be looked into."""
    wanted = asked(there, here)
    result = Differences(len(wanted.keys))
    if not wanted.keys:
        return result
    ranges = len(there.keys() | here.keys())
    if len(wanted.keys) > FEW_RANGES and (
        len(wanted.keys) > MOST_DIFFERING * ranges or len(wanted.source.whole) > MOST_WHOLE * ranges
    ):
        return None
    found = list(islice(_compared(wanted.source, wanted.warehouse, source, warehouse), MOST_FOUND + 1))
    unexplained = _unexplained(wanted, found, source.queries.bits)
    if unexplained:
        whole = Wanted(whole=tuple(sorted(unexplained)))
        found = [one for one in found if range_of(one.key_hash, source.queries.bits) not in unexplained]
        found += islice(_compared(whole, whole, source, warehouse), MOST_FOUND + 1)
    if len(found) > MOST_FOUND:
        return None
    for one in found:
        getattr(result, one.kind).add(one.key)
    return result


def _unexplained(wanted: Asked, found: Iterable[_Found], bits: int) -> set[int]:
    """The ranges of which more differs than was found: two rows' hashes taken for one's, such as a key that changed."""
    left = dict(wanted.keys)
    for one in found:
        if one.kind != "changed":
            number = range_of(one.key_hash, bits)
            more, mixed = left.get(number, (0, 0))
            left[number] = more - (1 if one.kind == "missing" else -1), mixed ^ one.key_hash
    return {number for number, rest in left.items() if rest != (0, 0)}


def _compared(of_source: Wanted, of_warehouse: Wanted, source: Side, warehouse: Side) -> Iterator[_Found]:
    """Walk the rows that came over; look up on the other side what came from one alone."""
    only_there, only_here = list[KeyedRow](), list[KeyedRow]()
    there = source.rows(of_source) if of_source else ()
    here = warehouse.rows(of_warehouse) if of_warehouse else ()
    for left, right in walk(there, here):
        if left is not None and right is not None:
            if left[1] != right[1]:
                yield _Found("changed", int(left[0]), key_of(left))
        elif left is not None:
            only_there.append(left)
        elif right is not None:
            only_here.append(right)
    yield from _looked_up(only_there, warehouse, "missing")
    yield from _looked_up(only_here, source, "extra")


def _looked_up(rows: Iterable[KeyedRow], other: Side, if_not_there: Kind) -> Iterator[_Found]:
    left = iter(rows)
    while batch := list(islice(left, _LOOKED_UP)):
        hashes = other.by_keys([key_of(row) for row in batch])
        for row in batch:
            hashed = hashes.get(key_of(row))
            if hashed != row[1]:
                yield _Found(if_not_there if hashed is None else "changed", int(row[0]), key_of(row))
