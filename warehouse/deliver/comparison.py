"""What differs between two deliveries of one contract, by its key: counts, and never a value.

Memory does not grow with the rows: keys are compared in slices of their hashes, one pass over the files for each, as
the gate does it. The files need not be in one order, so a contract may have changed how it sorts.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import psycopg
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.core.contracts import Contract, load_contracts
from warehouse.core.data_package import ABOUT
from warehouse.core.errors import UsageError
from warehouse.core.progress import Progress
from warehouse.deliver.apart import alone
from warehouse.deliver.breach import RowOfFile
from warehouse.deliver.edition import edition_of
from warehouse.deliver.expectations import hash_slice
from warehouse.deliver.ledger import Ledger
from warehouse.deliver.ledger_records import Entry
from warehouse.deliver.outbox import APART, Outbox
from warehouse.deliver.proof import closed
from warehouse.deliver.stored import Stored, fetch
from warehouse.deliver.taken_out import in_words, taken_out
from warehouse.deliver.world import World

ROWS_PER_PASS = 100_000
FIRST_ROWS: Final = 10

_PLACE: Final = "__place"


@dataclass(frozen=True)
class Row:
    """A row that differs, by its number in each file that has it; by its key where that is open to everybody."""

    before: RowOfFile | None
    after: RowOfFile | None
    key: tuple[str | None, ...] | None = None


@dataclass
class Difference:
    """Two deliveries of one contract, compared.

    Attributes:
        key: the columns that tell rows apart.
        changed_columns: how many rows have another value in each column, of the columns that both have.
        only_before, only_after: columns that one of the two has alone.
        first_added, first_removed, first_changed: the first rows of each.
        table: of one file of several, the name of its table.
        taken_out_before, taken_out_after: what took people or values out of each since it was sent.
        tables: the same of each table, where there are several; the numbers are their sums then.
    """

    before: str
    after: str
    contract_version_before: str
    contract_version_after: str
    key: tuple[str, ...]
    rows_before: int = 0
    rows_after: int = 0
    added: int = 0
    removed: int = 0
    changed: int = 0
    changed_columns: dict[str, int] = field(default_factory=dict)
    only_before: tuple[str, ...] = ()
    only_after: tuple[str, ...] = ()
    first_added: list[Row] = field(default_factory=list)
    first_removed: list[Row] = field(default_factory=list)
    first_changed: list[Row] = field(default_factory=list)
    taken_out_before: str = ""
    taken_out_after: str = ""
    table: str = ""
    tables: list[Difference] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """As `--json` prints it."""
        told = asdict(self)
        if not self.tables:
            del told["table"], told["tables"]
        return told


def difference(world: World, warehouse: psycopg.Connection, before: str, after: str, progress: Progress) -> Difference:
    """Compare two closed deliveries, read back from where they were sent.

    Raises:
        UsageError: one is not in the ledger or not closed, they are of two contracts, or no key tells their rows apart.
        DeliveryGone: a file is not there any more.
        DeliveredFilesDiffer: a file is not what its manifest says.
        AlreadyRunning: another command has the folder for it.
        WarehouseError: a destination does not answer.
    """
    ledger = Ledger(warehouse)
    entries = [closed(ledger, one) for one in (before, after)]
    contract = _contract(world, before, after)
    layout = contract.format.layout
    home = world.settings.warehouse_home
    with alone(home):
        outboxes = [Outbox(home, f"{APART}/compared/{side}") for side in ("before", "after")]
        try:
            sides = []
            for entry, outbox in zip(entries, outboxes, strict=True):
                progress.say(f"reading {entry.delivery_id} back")
                outbox.make_empty()
                sides.append(fetch(entry, world.settings, outbox, layout.record_column if layout else None))
            found = of_delivery(contract, sides[0], sides[1], progress)
            found.taken_out_before, found.taken_out_after = (_rewritten_by(warehouse, entry) for entry in entries)
            return found
        finally:
            for outbox in outboxes:
                outbox.clear()


def _rewritten_by(warehouse: psycopg.Connection, entry: Entry) -> str:
    """Where it lies rewritten, rows and values are missing that were sent."""
    return in_words([one for one in taken_out(warehouse, entry.delivery_id) if one.held == "here"])


def _contract(world: World, before: str, after: str) -> Contract:
    for contract in load_contracts(world.exports):
        if edition_of(contract, before) and edition_of(contract, after):
            return contract
    raise UsageError(
        f"{before} and {after} are not deliveries of one contract in exports/.",
        meaning="Rows are compared by the contract's key. Nothing was read.",
        next_command="warehouse deliveries list",
    )


def of_delivery(contract: Contract, before: Stored, after: Stored, progress: Progress) -> Difference:
    """Compare two deliveries of a contract that lie here, each table of it with itself.

    Raises:
        UsageError: one of them has not all columns of a key.
    """
    if not contract.parts:
        return compare(before, after, _key(contract), progress)
    a, b = before.entry, after.entry
    key = _key(contract.tables[0])
    found = Difference(a.delivery_id, b.delivery_id, a.contract_version, b.contract_version, key)
    for one in contract.tables:
        old, new = (_of_table(one, side) for side in (before, after))
        if old is None and new is None:
            continue
        if old is None or new is None:
            found.tables.append(_in_one_alone(found, one, old, new))
        else:
            found.tables.append(replace(compare(old, new, _key(one), progress), table=one.table))
    for name in ("rows_before", "rows_after", "added", "removed", "changed"):
        setattr(found, name, sum(getattr(one, name) for one in found.tables))
    return found


def _key(contract: Contract) -> tuple[str, ...]:
    """A contract's key by what the files call its columns: they are read back without the contract."""
    return tuple(contract.column(name).in_file for name in contract.primary_key)


def _of_table(contract: Contract, side: Stored) -> Stored | None:
    edition = edition_of(contract, side.entry.delivery_id)
    return side.of([edition.base_name]) if edition else None


def _in_one_alone(both: Difference, contract: Contract, a: Stored | None, b: Stored | None) -> Difference:
    """A table that only one of two deliveries has: all of its rows came, or went."""
    before, after = (sum(int(x["rows"]) for x in one.manifest["resources"]) if one else 0 for one in (a, b))
    found = replace(both, table=contract.table, key=_key(contract), tables=[])
    found.rows_before, found.rows_after, found.removed, found.added = before, after, before, after
    return found


def compare(before: Stored, after: Stored, key: Sequence[str], progress: Progress) -> Difference:
    """Compare two deliveries that lie here.

    Raises:
        UsageError: one of them has not all columns of the key.
    """
    columns = [list(before.fields), list(after.fields)]
    missing = [name for name in key if not all(name in names for names in columns)]
    if missing or not key:
        raise UsageError(
            f"{before.entry.delivery_id} and {after.entry.delivery_id} have no key in common: "
            f"{', '.join(missing) or 'the contract has none'}.",
            meaning="Which row of one is which of the other is not known. Nothing was compared.",
            next_command="Compare deliveries of a contract version that has the key: `warehouse deliveries list`.",
        )
    found = Difference(
        before.entry.delivery_id,
        after.entry.delivery_id,
        before.entry.contract_version,
        after.entry.contract_version,
        tuple(key),
        only_before=tuple(name for name in columns[0] if name not in columns[1]),
        only_after=tuple(name for name in columns[1] if name not in columns[0]),
    )
    both = [name for name in columns[0] if name in columns[1] and name not in key]
    is_open = all(side.fields[name] == "open" for side in (before, after) for name in key)
    passes = max(1, math.ceil(max(before.entry.rows or 0, after.entry.rows or 0) / ROWS_PER_PASS))
    places = [_Places(before), _Places(after)]
    counts: Counter[str] = Counter()
    for number in range(passes):
        slices = [_slice(side, key, [*key, *both], passes, number) for side in (before, after)]
        _one_slice(found, slices, list(key), both, counts, places, is_open=is_open)
        progress.count("comparing", number + 1, passes)
    found.changed_columns = dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))
    return found


class _Places:
    """From a row's number in a delivery to its file, and its number there."""

    def __init__(self, side: Stored) -> None:
        self._files = [(str(one["path"]), int(one["rows"])) for one in side.manifest["resources"] if ABOUT not in one]

    def row(self, place: int | None) -> RowOfFile | None:
        if place is None:
            return None
        for name, rows in self._files:
            if place < rows:
                return RowOfFile(name, place + 1)
            place -= rows
        raise AssertionError("a file has more rows than its manifest says")


def _slice(side: Stored, key: Sequence[str], columns: Sequence[str], passes: int, number: int) -> pa.Table:
    """The rows of a delivery whose keys' hashes fall into a slice, with their places in it."""
    parts, place = [], 0
    for path in side.paths:
        for table in side.tables(path):
            keys = pa.table({name: table.column(name).cast(pa.string()) for name in key})
            here = hash_slice(keys, passes, number).index.to_numpy()
            taken = table.select(list(columns)).take(pa.array(here))
            for name in key:
                taken = taken.set_column(
                    taken.schema.get_field_index(name), name, keys.column(name).take(pa.array(here))
                )
            parts.append(taken.append_column(_PLACE, pa.array(here + place, pa.int64())))
            place += table.num_rows
    if parts:
        return pa.concat_tables(parts)
    return pa.table({name: pa.array([], pa.string()) for name in columns} | {_PLACE: pa.array([], pa.int64())})


def _one_slice(
    found: Difference,
    slices: Sequence[pa.Table],
    key: list[str],
    both: Sequence[str],
    counts: Counter[str],
    places: Sequence[_Places],
    *,
    is_open: bool,
) -> None:
    a, b = slices
    found.rows_before, found.rows_after = found.rows_before + a.num_rows, found.rows_after + b.num_rows
    left = _keys(a, key).append_column("__a", pa.array(range(a.num_rows), pa.int64()))
    right = _keys(b, key).append_column("__b", pa.array(range(b.num_rows), pa.int64()))
    joined = left.join(right, keys=key, join_type="full outer")
    in_a, in_b = pc.is_valid(joined["__a"]), pc.is_valid(joined["__b"])
    removed, added = joined.filter(pc.invert(in_b))["__a"], joined.filter(pc.invert(in_a))["__b"]
    matched = joined.filter(pc.and_(in_a, in_b))
    from_a, from_b = a.take(matched["__a"]), b.take(matched["__b"])
    any_changed = pa.array([False] * matched.num_rows, pa.bool_())
    for name in both:
        differs = _differs(from_a.column(name), from_b.column(name))
        if number := int(pc.sum(differs).as_py() or 0):
            counts[name] += number
            any_changed = pc.or_(any_changed, differs)
    found.removed, found.added = found.removed + len(removed), found.added + len(added)
    changed = int(pc.sum(any_changed).as_py() or 0)
    found.changed += changed

    def rows(table_a: pa.Table | None, table_b: pa.Table | None) -> Iterator[Row]:
        there = [one for one in (table_a, table_b) if one is not None]
        keys = there[0].select(key).to_pylist()
        numbers = [None if one is None else one[_PLACE].to_pylist() for one in (table_a, table_b)]
        for position, values in enumerate(keys):
            before, after = (
                where.row(None if n is None else n[position]) for where, n in zip(places, numbers, strict=True)
            )
            yield Row(before, after, tuple(values.values()) if is_open else None)

    found.first_removed = _first(found.first_removed, rows(_few(a.take(removed)), None))
    found.first_added = _first(found.first_added, rows(None, _few(b.take(added))))
    if changed:
        order = pc.sort_indices(from_a.filter(any_changed), [(_PLACE, "ascending")])[:FIRST_ROWS]
        found.first_changed = _first(
            found.first_changed, rows(from_a.filter(any_changed).take(order), from_b.filter(any_changed).take(order))
        )


def _keys(table: pa.Table, key: Sequence[str]) -> pa.Table:
    """The keys to join by. A part that is missing, as the provider in a row for all, is a value like any other."""
    marked = {name: pc.binary_join_element_wise("is", table.column(name).cast(pa.string()), ":") for name in key}
    return pa.table({name: pc.fill_null(column, "") for name, column in marked.items()})


def _few(table: pa.Table) -> pa.Table:
    return table.take(pc.sort_indices(table, [(_PLACE, "ascending")])[:FIRST_ROWS])


def _first(before: list[Row], more: Iterator[Row]) -> list[Row]:
    def place(row: Row) -> tuple[str, int]:
        one = row.before or row.after
        assert one is not None
        return one.file, one.row

    return heapq.nsmallest(FIRST_ROWS, [*before, *more], key=place)


def _differs(one: pa.ChunkedArray, other: pa.ChunkedArray) -> pa.Array:
    """Whether each value is another; null is a value like any other here."""
    one, other = (x.combine_chunks() if isinstance(x, pa.ChunkedArray) else x for x in (one, other))
    if one.type != other.type or pa.types.is_floating(one.type):
        one, other = one.cast(pa.string()), other.cast(pa.string())
    unequal = pc.fill_null(pc.not_equal(one, other), False)
    return pc.or_(unequal, pc.xor(pc.is_null(one), pc.is_null(other)))
