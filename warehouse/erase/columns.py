"""Delivered files without the values of columns that a changed rule does not allow any more."""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.parquet

from warehouse.core.csv_on_disk import plain, written_like
from warehouse.core.data_package import columns_beside
from warehouse.core.destinations import is_folder
from warehouse.core.parquet_on_disk import writing
from warehouse.core.progress import Progress
from warehouse.core.settings import Settings
from warehouse.erase import fixed_width_file, stored
from warehouse.erase.data_file import raw_fields, raw_records
from warehouse.erase.stored import Rewritten, StoredFile

SAID = "After the delivery, the values of columns that the warehouse may not hold any more were taken out."

_RECORD = """
insert into ledger.rule_files (change_id, delivery_id, name, held, columns, old_sha256, new_sha256)
values (%s, %s, %s, %s, %s, %s, %s)
-- What a killed command wrote down first is what the receipt says.
on conflict (change_id, delivery_id, name) do update set new_sha256 = excluded.new_sha256
"""

Held = Callable[[StoredFile], Collection[str]]
"""The columns of a delivered file that are made from what is not allowed any more."""

Concerned = Mapping[str, Mapping[int, list[str]]]
"""The data files of a delivery, by their names, each with the columns that a change concerns."""


def take_out(
    connection: psycopg.Connection,
    settings: Settings,
    changes: Mapping[int, Held],
    progress: Progress,
    hook: Callable[[str], None],
) -> list[str]:
    """Empty columns in the delivered files that are kept here; name the others. Done again, it finishes what is left.

    Args:
        changes: of ledger.rule_changes, each with the columns that it concerns.
        hook: called with "replacing" after each file.

    Returns:
        The deliveries that recipients hold with these columns: a person has to inform them.
    """
    ours = settings.warehouse_deliveries.expanduser().resolve()
    by_delivery: dict[str, list[StoredFile]] = {}
    for file in stored.files(connection):
        by_delivery.setdefault(file.delivery_id, []).append(file)
    theirs: list[str] = []
    for delivery, files in by_delivery.items():
        concerned = {file.name: _concerned(file, changes) for file in files if file.kind == "data"}
        names = _names(of for by_change in concerned.values() for of in by_change.values())
        if not names:
            continue
        if files[0].state != "closed":
            stored.take_away(connection, files, ours)
        elif is_folder(files[0].destination) and files[0].is_below(ours):
            _empty(connection, files, concerned, progress, hook)
        else:
            for file in (file for file in files if file.kind == "data"):
                _note(connection, concerned[file.name], file, "by the recipient", file.sha256, None)
            theirs.append(f"{delivery} ({', '.join(names)})")
    return theirs


def _concerned(file: StoredFile, changes: Mapping[int, Held]) -> dict[int, list[str]]:
    found = {change: sorted(held(file)) for change, held in changes.items()}
    return {change: names for change, names in found.items() if names}


def _names(of: Iterable[Iterable[str]]) -> list[str]:
    return sorted({name for names in of for name in names})


def _empty(
    connection: psycopg.Connection,
    files: list[StoredFile],
    concerned: Concerned,
    progress: Progress,
    hook: Callable[[str], None],
) -> None:
    changes = {change for by_change in concerned.values() for change in by_change}
    of_all = {change: _names(by_change.get(change, []) for by_change in concerned.values()) for change in changes}
    names = {file.path: _names(concerned[file.name].values()) for file in files if file.name in concerned}

    def note(file: StoredFile, old: str, new: str, counted: Rewritten | None) -> None:
        del counted
        _note(connection, concerned.get(file.name, of_all), file, "here", old, new)

    stored.rewrite(files, lambda path, aside: emptied(path, aside, names[path]), note, SAID, progress, hook)


def _note(
    connection: psycopg.Connection,
    concerned: Mapping[int, list[str]],
    file: StoredFile,
    held: str,
    old: str,
    new: str | None,
) -> None:
    for change, names in concerned.items():
        connection.execute(_RECORD, (change, file.delivery_id, file.name, held, names, old, new))


def emptied(path: Path, to: Path, names: Collection[str]) -> Rewritten:
    """Write a data file again with some columns empty.

    Args:
        names: as the model and the contract have them; the file may have agreed names for them.
    """
    names = {*names, *(name for name, column in columns_beside(path).items() if column in names)}
    if path.suffix == fixed_width_file.SUFFIX:
        with to.open("wb") as target:
            return Rewritten(*fixed_width_file.without_columns(path, target, names))
    return _parquet(path, to, names) if path.suffix == ".parquet" else _csv(path, to, names)


def _csv(path: Path, to: Path, names: Collection[str]) -> Rewritten:
    with plain(path) as source, to.open("wb") as file, written_like(path, file) as target:
        lines = raw_records(source)
        header = next(lines, b"")
        target.write(header)
        every = next(csv.reader([header.decode()]), [])
        places = [n for n, name in enumerate(every) if name in names]
        rows, differs = 0, False
        for record in lines:
            fields = raw_fields(record)[: len(every)]
            for place in places:
                if fields[place]:
                    fields[place], differs = b"", True
            target.write(b",".join(fields) + b"\r\n")
            rows += 1
    return Rewritten(rows, differs)


def _parquet(path: Path, to: Path, names: Collection[str]) -> Rewritten:
    rows, differs = 0, False
    with (
        pyarrow.parquet.ParquetFile(path) as source,
        to.open("wb") as target,
        writing(target, schema := _may_be_null(source.schema_arrow, names)) as writer,
    ):
        for number in range(source.num_row_groups):
            table = pa.Table.from_arrays(source.read_row_group(number).columns, schema=schema)
            for place, name in enumerate(table.column_names):
                if name in names and table.column(name).null_count < table.num_rows:
                    field = table.schema.field(place)
                    table = table.set_column(place, field, pa.nulls(table.num_rows, field.type))
                    differs = True
            rows += table.num_rows
            writer.write_table(table, row_group_size=table.num_rows)
    return Rewritten(rows, differs)


def _may_be_null(schema: pa.Schema, names: Collection[str]) -> pa.Schema:
    """The schema of a file some of whose columns are emptied, also of those that had to have a value."""
    for place, name in enumerate(schema.names):
        if name in names:
            schema = schema.set(place, schema.field(place).with_nullable(True))
    return schema
