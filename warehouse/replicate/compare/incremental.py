"""The only door to proofs carried forward: of rows that neither side has written since, only the keys are compared.

Each side gives of every range the number of its rows, the sum of their keys' hashes and the sum of the hashes of its
new rows. Where these are the same on both sides, so is the content. Where they are not, the new rows of the range come
over, and the keys that only one side has: when it is one, the sums of both sides differ by its hash; otherwise all keys
of the range come. A row that is new on one side only, such as one that was updated to what it was before, is looked up
on the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Literal

from warehouse.core.batches import batches
from warehouse.replicate.compare.keys import Key
from warehouse.replicate.compare.proof import Look, digest, holds, look
from warehouse.replicate.compare.ranges import (
    PLACES,
    Differences,
    KeyedRow,
    Queries,
    key_of,
    range_bits,
    range_of,
    walk,
)
from warehouse.replicate.compare.session import Session
from warehouse.replicate.compare.spec import AsOf, Horizon, Proof, TableSpec

ROWS_IN_A_RANGE = 128
"""More than in a full comparison: of a range that differs few rows come over, whatever it holds. With twice as many,
damage to 0.1 % of the rows is found a fifth faster, to 1 % a quarter slower."""

MOST_DIFFERING = 0.98
"""When more of the ranges differ than this, reading every row is cheaper."""

MOST_WHOLE = 0.5
"""The same of ranges of which every key is wanted."""

FEW_RANGES = 32
"""So many may differ in any table: their rows are few, and it is seen whether they were written."""

MOST_FOUND = 500_000
"""So many rows that differ are held in memory; with more of them, too, every row is read."""

_LOOKED_UP = 5_000

KeySummary = Mapping[int, tuple[int, int, int | None]]
"""Of each range: rows, the sum of their keys' hashes, and the sum of the hashes of new rows, if there are any."""

Kind = Literal["missing", "extra", "changed"]

_EMPTY: tuple[int, int, int | None] = (0, 0, None)


@dataclass(frozen=True)
class Side:
    """How one side is asked. Rows come in the order of their keys' hashes.

    Attributes:
        new_rows: gives the new rows of some ranges.
        keys: gives the keys that have some hashes or are in some ranges, as rows.
        by_keys: gives a row's hash for each of some keys that is there.
    """

    queries: Queries
    new_rows: Callable[[Sequence[int]], Iterable[KeyedRow]]
    keys: Callable[[Sequence[int], Sequence[int]], Iterable[KeyedRow]]
    by_keys: Callable[[Sequence[Key]], Mapping[Key, int]]


@dataclass(frozen=True, slots=True)
class _Found:
    kind: Kind
    key_hash: int
    key: Key


@dataclass
class Asked:
    """What has to come over of the ranges that differ.

    Attributes:
        keys: for each range the number of rows and the sum of keys' hashes that the source has more.
        new_there, new_here: ranges of which the new rows are wanted, of the source and of the warehouse.
        missing, extra: hashes of the one key that the source, or the warehouse, has more in its range.
        whole: ranges of which every key is wanted.
    """

    keys: dict[int, tuple[int, int]] = field(default_factory=dict)
    new_there: list[int] = field(default_factory=list)
    new_here: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    extra: list[int] = field(default_factory=list)
    whole: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Looks:
    """What both sides show of a table, which stays as it is until their transactions end.

    Attributes:
        later: transactions that came after the position that is compared.
    """

    spec: TableSpec
    source: Look
    warehouse: Look
    later: tuple[int, ...]

    @property
    def rewritten(self) -> bool:
        """Whether the table was truncated or rewritten on one side since the snapshots."""
        return self.source.rewritten or self.warehouse.rewritten

    def proves(self, relied_on: Proof | None) -> Proof | None:
        """What a comparison proves if nothing differs; None where a proof could not be carried forward.

        Args:
            relied_on: the proof from which it was made; None: every row was read.
        """
        source, warehouse = self.source.horizon, self.warehouse.horizon
        if source is None or warehouse is None or self.rewritten:
            return None
        # What came after the position was there already, and was left out: it was not compared.
        own = replace(warehouse, xmin=min((warehouse.xmin, *self.later)))
        in_full_at = relied_on.in_full_at if relied_on else None
        return Proof(self.spec.schema, self.spec.table, digest(self.spec), source, own, in_full_at=in_full_at)


def look_at(spec: TableSpec, source: Session, warehouse: Session, as_of: AsOf | None) -> Looks:
    """Look at a table in both databases; each has its lock."""
    both = source.ask(look, spec, source.server), warehouse.ask(look, spec, warehouse.server)
    return Looks(spec, both[0].result(), both[1].result(), as_of.later if as_of else ())


def written_since(
    proof: Proof | None,
    looks: Looks,
    rows: int,
    at_source: Queries,
    at_home: Queries,
    source: Session,
    warehouse: Session,
) -> tuple[KeySummary, KeySummary, Differences] | None:
    """Read the rows that were written since a proof; None when it does not hold, or when every row should be read.

    Args:
        rows: about how many there are.

    Returns:
        The summaries of both sides, and what differs.
    """
    if not proof or looks.later or not holds(proof, looks.spec, looks.source, looks.warehouse):
        return None
    bits = range_bits(rows, ROWS_IN_A_RANGE)
    at_source, at_home = replace(at_source, bits=bits), replace(at_home, bits=bits)
    both = (
        source.all_of(at_source.key_summary(proof.source)),
        warehouse.all_of(at_home.key_summary(proof.warehouse)),
    )
    of_source, of_home = ({n: (count, keys, new) for n, count, keys, new, _ in future.result()} for future in both)
    places = [{n: listed for n, *_, listed in future.result() if listed} for future in both]
    found = differences(
        of_source,
        of_home,
        _side(source, at_source, proof.source, places[0]),
        _side(warehouse, at_home, proof.warehouse, places[1]),
    )
    return None if found is None else (of_source, of_home, found)


def _side(asked: Session, queries: Queries, horizon: Horizon, places: Mapping[int, list[str]]) -> Side:
    def new_rows(ranges: Sequence[int]) -> Iterator[KeyedRow]:
        return asked.stream(queries.new_rows(ranges, horizon, places_of(ranges, places)))

    def keys(hashes: Sequence[int], ranges: Sequence[int]) -> Iterator[KeyedRow]:
        return asked.stream(queries.keys(hashes, ranges))

    def by_keys(keys: Sequence[Key]) -> dict[Key, int]:
        return {tuple(key): hashed for hashed, *key in asked.all_of(queries.by_keys(keys)).result()}

    return Side(queries, new_rows, keys, by_keys)


def asked(there: KeySummary, here: KeySummary) -> Asked:
    """What to ask for, from both sides' summaries."""
    result = Asked()
    for number in {number for number, _ in there.items() ^ here.items()}:
        ours, theirs = here.get(number, _EMPTY), there.get(number, _EMPTY)
        more, mixed = theirs[0] - ours[0], theirs[1] ^ ours[1]
        result.keys[number] = more, mixed
        if theirs[2] != ours[2]:
            if theirs[2] is not None:
                result.new_there.append(number)
            if ours[2] is not None:
                result.new_here.append(number)
        if abs(more) == 1:
            (result.missing if more > 0 else result.extra).append(mixed)
        elif more or mixed:
            result.whole.append(number)
    return result


def differences(there: KeySummary, here: KeySummary, source: Side, warehouse: Side) -> Differences | None:
    """What differs, by the summaries of both sides; None when so much does that every row should be read."""
    wanted = asked(there, here)
    result = Differences(len(wanted.keys))
    if not wanted.keys:
        return result
    ranges = len(there.keys() | here.keys())
    if len(wanted.keys) > FEW_RANGES and (
        len(wanted.keys) > MOST_DIFFERING * ranges or len(wanted.whole) > MOST_WHOLE * ranges
    ):
        return None
    found = _collected(_compared(wanted, source, warehouse))
    if len(found) > MOST_FOUND:
        return None
    unexplained = _unexplained(wanted, found.values(), source.queries.bits)
    if unexplained:
        found |= _collected(_compared(Asked(whole=sorted(unexplained)), source, warehouse))
    if len(found) > MOST_FOUND:
        return None
    for one in found.values():
        getattr(result, one.kind).add(one.key)
    return result


def places_of(ranges: Iterable[int], places: Mapping[int, Sequence[str]]) -> list[str] | None:
    """Where all new rows of some ranges are, by a summary; None when it does not list all of them."""
    if any(len(places.get(number, ())) > PLACES for number in ranges):
        return None
    return [place for number in ranges for place in places.get(number, ())]


def _collected(found: Iterable[_Found]) -> dict[Key, _Found]:
    """By their keys: a row may be found both as a new one and as one whose key is on one side alone."""
    return {one.key: one for one in islice(found, MOST_FOUND + 1)}


def _unexplained(wanted: Asked, found: Iterable[_Found], bits: int) -> set[int]:
    """The ranges of which more differs than was found: several keys' hashes whose sum was taken for that of one."""
    left = dict(wanted.keys)
    for one in found:
        if one.kind != "changed":
            number = range_of(one.key_hash, bits)
            more, mixed = left.get(number, (0, 0))
            left[number] = more - (1 if one.kind == "missing" else -1), mixed ^ one.key_hash
    return {number for number, rest in left.items() if rest != (0, 0)}


def _compared(wanted: Asked, source: Side, warehouse: Side) -> Iterator[_Found]:
    """Walk what came over, first new rows and then keys; look up on the other side what came from one alone."""
    there = source.new_rows(wanted.new_there) if wanted.new_there else ()
    here = warehouse.new_rows(wanted.new_here) if wanted.new_here else ()
    only_there, only_here = list[KeyedRow](), list[KeyedRow]()
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
    there = source.keys(wanted.missing, wanted.whole) if wanted.missing or wanted.whole else ()
    here = warehouse.keys(wanted.extra, wanted.whole) if wanted.extra or wanted.whole else ()
    only_there, only_here = [], []
    for left, right in walk(there, here):
        if left is None:
            assert right is not None
            only_here.append(right)
        elif right is None:
            only_there.append(left)
    yield from _on_one_side(only_there, warehouse, "missing")
    yield from _on_one_side(only_here, source, "extra")


def _looked_up(rows: Iterable[KeyedRow], other: Side, if_not_there: Kind) -> Iterator[_Found]:
    for batch in batches(rows, _LOOKED_UP):
        hashes = other.by_keys([key_of(row) for row in batch])
        for row in batch:
            hashed = hashes.get(key_of(row))
            if hashed != row[1]:
                yield _Found(if_not_there if hashed is None else "changed", int(row[0]), key_of(row))


def _on_one_side(keys: Iterable[KeyedRow], other: Side, kind: Kind) -> Iterator[_Found]:
    """Of one key alone the other side has not been asked: its hash may by accident be the sum of several others'."""
    for batch in batches(keys, _LOOKED_UP):
        hashes = other.by_keys([key_of(row) for row in batch])
        yield from (_Found(kind, int(row[0]), key_of(row)) for row in batch if key_of(row) not in hashes)
