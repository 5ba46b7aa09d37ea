"""What a delivery changes against the one before it: rows added, removed and changed in each file, and why.

Each row that differs counts once, under the first reason that holds of it:

    erased                      its person was erased since, so no history has them
    merged                      its person's records were merged since, or a merge of them was undone
    rule or contract changed    the models and the contract of now make another row of what was known then
    became known since          all else: TRS says something else, or said it later

The third is not guessed. Where models or contract are others than then, or people were erased of whom the recipient
still has rows, the delivery before is made once more by the models of now from what was known then, and compared with
both. Where that cannot be, the reasons that it would tell apart are given as one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from warehouse.core.contracts import Contract
from warehouse.core.progress import Progress
from warehouse.deliver.edition import Edition
from warehouse.deliver.expectations import hash_rows, hash_slice
from warehouse.deliver.stored import Stored

ERASED: Final = "erased"
MERGED: Final = "merged"
RULE: Final = "rule or contract changed"
KNOWN: Final = "became known since"
NOT_TOLD: Final = "became known since, erased, or rule or contract changed"

ROWS_PER_PASS = 250_000

Reasons = dict[str, dict[str, int]]
"""How many rows were "added", "removed" and "changed", each by reason."""


@dataclass(frozen=True)
class Sides:
    """What is compared.

    Attributes:
        edition: of the new delivery.
        folder: with its files.
        before: the delivery before it, read back from where it was sent.
        before_edition: of that one, under the contract of now.
        again: a folder with what the models of now make of what was known then, in files that are called as those of
            `before`; None where it was not made.
        taken_out: rows that an erasure took out of files of `before` since it was sent, by the name of the file.
        has_erased: whether somebody was erased whom `before` may still have.
        is_told: whether `again` is not needed, or is there.
    """

    edition: Edition
    folder: Path
    before: Stored
    before_edition: Edition
    again: Path | None = None
    taken_out: Mapping[str, int] | None = None
    has_erased: bool = False
    is_told: bool = True


def changes(sides: Sides, progress: Progress) -> dict[str, Reasons]:
    """What changed in each table, by the table's name."""
    about = sides.edition.contract.changes
    assert about is not None, "only asked where the contract says how to tell"
    merged = _in_new_merges(sides, about.merged)
    people = _people_again(sides, about.person)
    found = {}
    for one in sides.edition.contract.tables:
        progress.say(f"comparing {one.of_what} with {sides.before.entry.delivery_id}")
        found[one.table] = _Table(sides, one, about.person, merged, people).reasons()
    return found


class _Table:
    """One table of both deliveries, compared by its key."""

    def __init__(self, sides: Sides, contract: Contract, person: str, merged: pa.Array, people: pa.Array) -> None:
        self._sides, self._contract, self._merged, self._people = sides, contract, merged, people
        self._key = [contract.column(name).in_file for name in contract.primary_key]
        names = {column.name: column.in_file for column in contract.columns}
        self._person = names.get(person)
        self._name = _name(sides.before_edition, contract)
        self._counts = {kind: Counter[str]() for kind in ("added", "removed", "changed")}

    def reasons(self) -> Reasons:
        """How many rows differ, by reason."""
        new = _stored(self._sides, self._contract, self._sides.folder / _name(self._sides.edition, self._contract))
        old = self._sides.before.of([self._name])
        if old is None or not set(self._key) <= set(old.fields):
            # The recipient had no such table, or knew its rows by another key.
            self._counts["added"][RULE] += sum(table.num_rows for path in new.paths for table in new.tables(path))
            return self._told()
        again = self._sides.again and _stored(self._sides, self._contract, self._sides.again / self._name)
        day = self._contract.as_at_column
        # Each row says another day than in the delivery before, and nothing by it.
        as_at = {self._contract.column(day).in_file} if day else set[str]()
        shared = [name for name in new.fields if name in old.fields and name not in as_at]
        has_other_columns = bool((set(new.fields) ^ set(old.fields)) - as_at)
        rows = sum(int(one["rows"]) for one in old.manifest["resources"])
        passes = max(1, math.ceil(rows / ROWS_PER_PASS))
        for number in range(passes):
            joined = self._slice(old, shared, passes, number, "old").join(
                self._slice(new, shared, passes, number, "new"), keys=self._key, join_type="full outer"
            )
            if again:
                then = self._slice(again, shared, passes, number, "again")
                joined = joined.join(then, keys=self._key, join_type="left outer")
            self._count(joined, has_other_columns=has_other_columns)
        if gone := (self._sides.taken_out or {}).get(self._name):
            self._counts["removed"][ERASED] += gone
        return self._told()

    def _told(self) -> Reasons:
        return {kind: dict(sorted(reasons.items())) for kind, reasons in self._counts.items()}

    def _slice(self, side: Stored, columns: Sequence[str], passes: int, number: int, name: str) -> pa.Table:
        """The keys of a slice of hashes as text, each with a hash of its row and with its person."""
        values = [column for column in columns if column not in self._key]
        key = [(column, pa.string()) for column in self._key]
        schema = pa.schema([*key, (name, pa.uint64()), (f"{name}_person", pa.string())])
        parts = [schema.empty_table()]
        for path in side.paths:
            for table in side.tables(path):
                text = pa.table({column: table.column(column).cast(pa.string()) for column in columns})
                keys = text.select(self._key)
                here = pa.array(hash_slice(keys, passes, number).index.to_numpy(), pa.int64())
                taken = text.take(here)
                person = self._person if self._person in columns else None
                parts.append(
                    pa.table(
                        [
                            *taken.select(self._key).columns,
                            hash_rows(taken.select(values)),
                            taken.column(person) if person else pa.nulls(len(here), pa.string()),
                        ],
                        schema=schema,
                    )
                )
        return pa.concat_tables(parts)

    def _count(self, joined: pa.Table, *, has_other_columns: bool) -> None:
        old, new = joined["old"], joined["new"]
        equal = pc.fill_null(pc.equal(old, new), False)
        if has_other_columns:
            # Nothing else changed in these rows, but the recipient reads others.
            self._add("changed", RULE, equal)
        removed, added = pc.is_null(new), pc.is_null(old)
        changed = pc.invert(pc.or_(equal, pc.or_(removed, added)))
        reasons = [(ERASED, self._erased(joined)), (MERGED, self._in_merge(joined)), (RULE, self._by_rule(joined))]
        for kind, which in (("added", added), ("removed", removed), ("changed", changed)):
            left = which
            for reason, holds in reasons:
                self._add(kind, reason, pc.and_(left, holds))
                left = pc.and_(left, pc.invert(holds))
            self._add(kind, KNOWN if self._sides.is_told else NOT_TOLD, left)

    def _add(self, kind: str, reason: str, which: pa.ChunkedArray) -> None:
        if number := int(pc.sum(which).as_py() or 0):
            self._counts[kind][reason] += number

    def _in_merge(self, joined: pa.Table) -> pa.ChunkedArray:
        found = [pc.is_in(joined[f"{side}_person"], self._merged) for side in ("old", "new")]
        by_key = [pc.is_in(joined[name], self._merged) for name in self._key]
        return pc.or_(pc.or_(*found), by_key[0])

    def _by_rule(self, joined: pa.Table) -> pa.ChunkedArray:
        """Whether the models and the contract of now say something else of what was known then."""
        if self._sides.again is None:
            return _false(joined)
        as_then = pc.fill_null(pc.equal(joined["old"], joined["again"]), False)
        return pc.invert(pc.or_(as_then, pc.and_(pc.is_null(joined["old"]), pc.is_null(joined["again"]))))

    def _erased(self, joined: pa.Table) -> pa.ChunkedArray:
        """Whether nothing at all is known of the row's person any more, not even of what was known then."""
        if self._sides.again is None or not self._sides.has_erased or self._person is None:
            return _false(joined)
        gone = pc.invert(pc.is_in(joined["old_person"], self._people))
        return pc.and_(pc.and_(pc.is_valid(joined["old_person"]), gone), pc.is_null(joined["new"]))


def _false(joined: pa.Table) -> pa.Array:
    return pa.array([False] * joined.num_rows, pa.bool_())


def _name(edition: Edition, contract: Contract) -> str:
    return next(one.base_name for one in edition.files if one.contract is contract)


def _stored(sides: Sides, contract: Contract, path: Path) -> Stored:
    """A file that lies here, read as one that was fetched: both as what stands in them."""
    fields = [{"name": one.in_file, "classification": one.classification} for one in contract.columns]
    resource = {"path": path.name, "format": contract.format.kind, "schema": {"fields": fields}}
    return Stored(sides.before.entry, {"resources": [resource]}, (path,))


def _in_new_merges(sides: Sides, table: str) -> pa.Array:
    """Everybody whose records were merged since, or are not merged any more: the record and the person."""
    contract = next(one for one in sides.edition.contract.tables if one.table == table)
    now = _stored(sides, contract, sides.folder / _name(sides.edition, contract))
    then = sides.before.of([_name(sides.before_edition, contract)])
    about = sides.edition.contract.changes
    columns = [contract.column(name).in_file for name in (contract.primary_key[0], about.person if about else "")]
    read = [_pairs(side, columns) for side in (then, now)]
    if then is None:
        return pa.array([], pa.string())
    found = [one.join(other, keys=["record", "person"], join_type="left anti") for one, other in (read, reversed(read))]
    chunks = [chunk for one in found for name in ("record", "person") for chunk in one[name].chunks]
    return pa.chunked_array(chunks, pa.string()).unique()


def _pairs(side: Stored | None, columns: Sequence[str]) -> pa.Table:
    schema = pa.schema([("record", pa.string()), ("person", pa.string())])
    parts = [schema.empty_table()]
    for path in side.paths if side else ():
        parts += [
            pa.table([one.column(name).cast(pa.string()) for name in columns], schema=schema)
            for one in (side.tables(path) if side else ())
        ]
    return pa.concat_tables(parts)


def _people_again(sides: Sides, person: str) -> pa.Array:
    """Everybody of whom something was known then that is known still; only asked where somebody was erased."""
    if sides.again is None or not sides.has_erased:
        return pa.array([], pa.string())
    contract = next(one for one in sides.edition.contract.tables if one.primary_key == (person,))
    side = _stored(sides, contract, sides.again / _name(sides.before_edition, contract))
    name = contract.column(person).in_file
    parts = [table.column(name).cast(pa.string()) for path in side.paths for table in side.tables(path)]
    chunks = [chunk for part in parts for chunk in part.chunks]
    return pa.chunked_array(chunks, pa.string()).combine_chunks()
