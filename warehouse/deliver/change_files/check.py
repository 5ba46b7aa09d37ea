"""The gate of change files: each is read back as a receiver would, and has to fit the span and itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from warehouse.core.columns_of_changes import CHANGE, PREFIX
from warehouse.core.contracts import Contract
from warehouse.core.errors import CheckFailed
from warehouse.deliver.change_files.read import ENDED, VERSION
from warehouse.deliver.change_files.records import Span
from warehouse.deliver.change_files.tables import ChangeTable
from warehouse.deliver.files import FileFacts
from warehouse.deliver.parquet_file import arrow_schema

_ROWS = 65_536


def check_set(span: Span, files: Sequence[tuple[Path, FileFacts, ChangeTable, Contract]]) -> None:
    """Refuse a set of which a file does not keep a rule.

    Raises:
        CheckFailed: names each file and rule with the number of rows, never a value.
    """
    broken = [found for one in files for found in _broken(span, *one)]
    if broken:
        error = CheckFailed(
            "; ".join(f"{one['file']}: rule `{one['rule']}` is broken by {one['rows']} rows" for one in broken) + ".",
            meaning="Nothing was sent. The next set begins where the last one ended.",
            next_command="Run `warehouse replicate reconcile --history`, then `warehouse deliver`.",
        )
        error.rules = tuple(broken)
        raise error


def _broken(
    span: Span, path: Path, facts: FileFacts, table: ChangeTable, contract: Contract
) -> Iterator[dict[str, Any]]:
    with pyarrow.parquet.ParquetFile(path) as file:
        wanted = arrow_schema(contract.columns)
        if [(one.name, one.type) for one in file.schema_arrow] != [(one.name, one.type) for one in wanted]:
            yield _rule(facts, "the columns are those of its manifest", file.metadata.num_rows)
            return
        if file.metadata.num_rows != facts.rows:
            yield _rule(facts, "as many rows as were written", abs(file.metadata.num_rows - (facts.rows or 0)))
        counts: dict[str, int] = {}
        before: pa.Table | None = None
        used = [name for name in file.schema_arrow.names if name.startswith(PREFIX)] + list(table.key)
        for batch in file.iter_batches(_ROWS, columns=list(dict.fromkeys(used))):
            rows = pa.Table.from_batches([batch])
            for name, mask in _masks(span, table, rows):
                counts[name] = counts.get(name, 0) + (pc.sum(pc.fill_null(mask, True)).as_py() or 0)
            # The last row of the batch before stands in front, so that every pair of neighbours is seen once.
            pairs = rows if before is None else pa.concat_tables([before, rows])
            name = "a current version is the last of its key"
            counts[name] = counts.get(name, 0) + _followed(table, pairs)
            before = rows.slice(rows.num_rows - 1)
    yield from (_rule(facts, name, rows) for name, rows in counts.items() if rows)


def _masks(span: Span, table: ChangeTable, rows: pa.Table) -> Iterator[tuple[str, Any]]:
    """For each rule the rows that break it."""
    change, began, ended = (rows.column(f"{PREFIX}{name}") for name in ("change", "from_position", "to_position"))
    is_version, is_ended = pc.equal(change, VERSION), pc.equal(change, ENDED)
    yield f"{CHANGE} is version or ended", pc.invert(pc.or_(is_version, is_ended))
    since = table.from_position
    too_early = pa.scalar(False) if since is None else pc.less(began, since)
    inside = pc.and_not(pc.less(began, span.to_position), too_early)
    yield "a version begins within the span", pc.and_(is_version, pc.invert(inside))
    if since is None:
        yield "a complete copy has no ends of earlier versions", is_ended
    else:
        fits = pc.and_(pc.less(began, since), pc.greater_equal(pc.fill_null(ended, -1), since))
        yield "an end within the span is of an earlier version", pc.and_(is_ended, pc.invert(fits))
    over = pc.greater_equal(pc.fill_null(ended, -1), span.to_position)
    yield "an end is before the end of the span", over
    no_time = pc.and_(is_version, pc.is_null(rows.column("trw_known_from")))
    yield "it is known when a version began", no_time
    has_end, has_time = pc.is_valid(ended), pc.is_valid(rows.column("trw_known_to"))
    has_cause = pc.is_valid(rows.column("trw_ended_by"))
    yield "it is known when and by what a version ended", pc.or_(pc.xor(has_end, has_time), pc.xor(has_end, has_cause))
    for name in table.key:
        yield f"{name} is there", pc.is_null(rows.column(name))


def _followed(table: ChangeTable, rows: pa.Table) -> int:
    """How many rows are current, and have another version of their key after them. They are sorted by key."""
    if rows.num_rows < 2:
        return 0
    first, second = rows.slice(0, rows.num_rows - 1), rows.slice(1)
    mask = pc.is_null(first.column("trw_to_position"))
    for name in table.key:
        mask = pc.and_(mask, pc.equal(first.column(name), second.column(name)))
    return int(pc.sum(pc.fill_null(mask, False)).as_py() or 0)


def _rule(facts: FileFacts, name: str, rows: int) -> dict[str, Any]:
    return {"rule": name, "file": facts.base_name, "rows": rows}


Check = Callable[[Span, Sequence[tuple[Path, FileFacts, ChangeTable, Contract]]], None]
