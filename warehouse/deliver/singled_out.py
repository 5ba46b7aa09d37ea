"""How many rows of a delivery, and how many people, stand out by columns that say little one by one.

A row is alone when no other has the same values of those columns, and a person when nobody else does, however many rows
they have. The files are read as the receiver reads them. Hashes of the values and of the people are compared, not the
values: of a million rows, two that differ have one hash in one of some ten million deliveries.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from warehouse.core.contracts import Contract, RuleKind
from warehouse.core.contracts.singled_out import (
    DEFAULT_GROUPS_UNDER,
    FEW,
    GROUPS_UNDER,
    OPEN_COLUMNS,
    QUASI_IDENTIFIERS,
    UNIQUE,
    columns_by,
    person_of,
)
from warehouse.core.errors import CheckFailed
from warehouse.core.progress import Progress
from warehouse.deliver.breach import Breach, in_words
from warehouse.deliver.edition import Edition
from warehouse.deliver.expectations import hash_rows
from warehouse.deliver.files import FileFacts
from warehouse.deliver.read_back import batches
from warehouse.deliver.slices import Slices

ROWS_PER_SLICE: Final = 250_000

Figures = dict[str, Any]
"""Of one table, as the ledger keeps them and a manifest tells them: names of columns, and numbers."""

_COUNTS: Final = ("rows_alone", "people_alone", "rows_in_small_groups", "people_in_small_groups")
_NULL: Final = 0x9E3779B97F4A7C15
_TIMES: Final = 0x100000001B3
"""Odd, so that two rows that differ in one column have two hashes if its two values have."""


def count(contract: Contract, files: Sequence[tuple[Path, FileFacts]], progress: Progress) -> Figures | None:
    """Count over all files of a table; None where its rows are not people, or no column could single anybody out.

    Raises:
        DeliveryError: the disk is full.
        CheckFailed: a file is not what the contract says.
    """
    person, sets = person_of(contract.columns), columns_by(contract.columns, contract.as_at_column)
    if contract.statistics or person is None or not sets or not files:
        return None
    under = int(next((one[GROUPS_UNDER] for one in _limits(contract) if GROUPS_UNDER in one), DEFAULT_GROUPS_UNDER))
    needed = list(dict.fromkeys(name for theirs in sets.values() for name in theirs))
    # Where each row is another person, a group has as many people as rows, and nobody is in two.
    several = not (person.unique and person.required)
    rows = sum(facts.rows or 0 for _, facts in files)
    slices, folder = max(1, math.ceil(rows / ROWS_PER_SLICE)), files[0][0].parent
    with ExitStack() as stack:
        people = stack.enter_context(Slices(slices, folder))
        groups = {by: stack.enter_context(Slices(slices, folder, width=2 if several else 1)) for by in sets}
        done = 0
        for path, _ in files:
            for batch in batches(path, contract, [*needed, person.name] if several else needed):
                progress.count(f"counting who stands out in {path.name}", done := done + batch.num_rows)
                hashed = {name: _hashes(batch.column(name)) for name in needed}
                whose = [_hashes(batch.column(person.name)).to_numpy()] if several else []
                for numbers in whose:
                    people.add(numbers)
                for by, columns in sets.items():
                    groups[by].add(_together([hashed[name] for name in columns]).to_numpy(), *whose)
        found: Figures = {
            "rows": done,
            "people": _distinct(people) if several else done,
            "groups_under": under,
            "by": {},
        }
        for by, columns in sets.items():
            counted = _counted(groups[by], under, slices, folder) if several else _counted_rows(groups[by], under)
            found["by"][by] = {"columns": [contract.column(name).in_file for name in columns], **counted}
    return found


def refused(contract: Contract, found: Figures | None) -> CheckFailed | None:
    """What a rule of the contract says against the figures; None where all hold."""
    rules = [rule for rule in contract.rules if rule.kind is RuleKind.SINGLED_OUT] if found else []
    breaches = [breach for rule in rules for breach in _broken(rule.name, rule.arguments or {}, found or {})]
    if not breaches:
        return None
    error = CheckFailed(
        f"{contract.of_what} singles out more people than its contract allows: {in_words(breaches)}.",
        meaning="Nothing was sent. No person can let it pass by a command: the limit is what was agreed for the "
        "people in the file.",
        next_command=f"Take columns out of the model {contract.model}, or make their values coarser, run `warehouse "
        "run`, then `warehouse deliver`; or agree a new version of the contract with another limit.",
    )
    error.rules = tuple(one.as_dict() for one in breaches)
    return error


def by_table(edition: Edition, of_files: Mapping[str, Mapping[str, Any] | None]) -> dict[str, Figures]:
    """Figures by the name of their table, of those by the name of its first file; also of the ledger, in one order."""
    found = {}
    for name, figures in of_files.items():
        about = edition.of_file(name.rsplit("/", maxsplit=1)[-1])
        if figures is not None and about is not None:
            found[about.table or about.name] = _in_order(figures)
    return found


def lines(tables: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Figures as rows of a table that people read: who stands out by which columns, in numbers."""
    return [
        {
            "table": table,
            "by": f"{by.replace('_', ' ')} ({len(one['columns'])})",
            "rows": found["rows"],
            "rows_alone": f"{one['rows_alone']:,} ({_share(one['rows_alone'] / (found['rows'] or 1))})",
            "people": found["people"],
            "people_alone": f"{one['people_alone']:,} ({_share(one['people_alone'] / (found['people'] or 1))})",
            "groups_under": found["groups_under"],
            "rows_in_them": one["rows_in_small_groups"],
            "people_in_them": one["people_in_small_groups"],
        }
        for table, found in tables.items()
        for by, one in _in_order(found)["by"].items()
    ]


def _in_order(figures: Mapping[str, Any]) -> Figures:
    """PostgreSQL keeps names in an order of its own, and a manifest that is made again has to be the same bytes."""
    by = {one: figures["by"][one] for one in (QUASI_IDENTIFIERS, OPEN_COLUMNS) if one in figures["by"]}
    return {name: figures[name] for name in ("rows", "people", "groups_under")} | {
        "by": {
            one: {"columns": list(found["columns"])} | {name: found[name] for name in _COUNTS}
            for one, found in by.items()
        }
    }


def _limits(contract: Contract) -> list[Mapping[str, Any]]:
    return [rule.arguments or {} for rule in contract.rules if rule.kind is RuleKind.SINGLED_OUT]


def _broken(name: str, limits: Mapping[str, Any], found: Figures) -> Iterator[Breach]:
    for properties, how, words in (
        (UNIQUE, "alone", "alone"),
        (FEW, "in_small_groups", f"in groups under {found['groups_under']}"),
    ):
        for given, by in properties.items():
            if given not in limits or by not in found["by"]:
                continue
            one = found["by"][by]
            rows, people = one[f"rows_{how}"], one[f"people_{how}"]
            share = max(rows / (found["rows"] or 1), people / (found["people"] or 1))
            if 100 * share > limits[given]:
                detail = (
                    f"of {found['rows']:,}, and {people:,} of {found['people']:,} people, are {words} with their "
                    f"values ({_share(share)}; at most {limits[given]:g} %)"
                )
                yield Breach(name, tuple(one["columns"]), rows, detail=detail)


def _share(share: float) -> str:
    return f"{100 * share:.1f} %"


def _hashes(column: pa.Array) -> pa.Array:
    """A hash of each value; each distinct one is hashed once."""
    encoded = column.dictionary_encode()
    values = encoded.dictionary
    if pa.types.is_temporal(values.type):
        values = values.cast(pa.int32() if pa.types.is_date32(values.type) else pa.int64())
    hashed = hash_rows(pa.table([values.cast(pa.string())], names=["value"]))
    return pc.fill_null(hashed.take(encoded.indices), pa.scalar(_NULL, pa.uint64()))


def _together(hashes: Sequence[pa.Array]) -> pa.Array:
    total = hashes[0]
    for one in hashes[1:]:
        total = pc.add(pc.multiply(total, pa.scalar(_TIMES, pa.uint64())), one)
    return total


def _counted_rows(groups: Slices, under: int) -> dict[str, int]:
    alone = few = 0
    for (values,) in groups:
        sizes = pc.value_counts(values).field("counts")
        alone += pc.sum(pc.equal(sizes, 1)).as_py() or 0
        few += pc.sum(sizes.filter(pc.less(sizes, under))).as_py() or 0
    return dict(zip(_COUNTS, (alone, alone, few, few), strict=True))


def _counted(groups: Slices, under: int, slices: int, folder: Path) -> dict[str, int]:
    """Of each group its rows and its people. One person may be in several groups, also of several slices."""
    rows_alone = rows_few = 0
    with Slices(slices, folder) as alone, Slices(slices, folder) as few:
        for values, whose in groups:
            pairs = pa.table([values, whose], names=["group", "person"]).group_by(["group", "person"])
            of_person = pairs.aggregate([([], "count_all")]).rename_columns(["group", "person", "rows"])
            sizes = of_person.group_by("group").aggregate([("rows", "sum"), ([], "count_all")])
            sizes = sizes.rename_columns(["group", "rows", "people"])
            rows_alone += pc.sum(pc.equal(sizes["rows"], 1)).as_py() or 0
            rows_few += pc.sum(sizes.filter(pc.less(sizes["rows"], under))["rows"]).as_py() or 0
            for kept, limit in ((alone, 2), (few, under)):
                small = sizes.filter(pc.less(sizes["people"], limit))["group"].combine_chunks()
                theirs = of_person.filter(pc.is_in(of_person["group"], value_set=small))["person"]
                kept.add(theirs.to_numpy())
        return {
            "rows_alone": rows_alone,
            "people_alone": _distinct(alone),
            "rows_in_small_groups": rows_few,
            "people_in_small_groups": _distinct(few),
        }


def _distinct(numbers: Slices) -> int:
    return sum(pc.count_distinct(theirs).as_py() for (theirs,) in numbers)
