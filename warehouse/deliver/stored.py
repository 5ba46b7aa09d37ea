"""A delivery as it lies at its destination: its manifest, and its files read back, in tables of bounded size."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet

from warehouse.core import data_package
from warehouse.core.csv_on_disk import plain
from warehouse.core.errors import DeliveredFilesDiffer, DeliveryGone
from warehouse.core.settings import Settings
from warehouse.core.whole_files import sha256
from warehouse.deliver import csv_file
from warehouse.deliver.csv_blocks import read_block, whole_records
from warehouse.deliver.destinations import open_destination
from warehouse.deliver.ledger_records import Entry
from warehouse.deliver.outbox import Outbox
from warehouse.deliver.read_back import BYTES_PER_BATCH, ROWS_PER_BATCH

_LINES: Final = 65_536
_RECORD: Final = "record"
"""What the column is called that says which record of a layout a row is, where no field has it."""


@dataclass(frozen=True)
class Stored:
    """A delivery that was read back.

    Attributes:
        manifest: as it lies beside the files.
        paths: of the data files, in the order of their rows, here.
        record_column: of a file of fixed width, the column that says which record a row is.
    """

    entry: Entry
    manifest: Mapping[str, Any]
    paths: tuple[Path, ...]
    record_column: str = _RECORD

    def of(self, base_names: Collection[str]) -> Stored | None:
        """The same with only the files of these names, all of one table; None where there is none."""
        chosen = [one for one in self.manifest["resources"] if one["path"] in base_names]
        if not chosen:
            return None
        paths = tuple(path for path in self.paths if path.name in base_names)
        return replace(self, manifest={**self.manifest, "resources": chosen}, paths=paths)

    @property
    def fields(self) -> dict[str, str]:
        """The columns with their classes, as the manifest states them; of a fixed width, those that the file has."""
        resource = self.manifest["resources"][0]
        said = {str(one["name"]): str(one["classification"]) for one in resource["schema"]["fields"]}
        if "layout" not in resource:
            return said
        placed = {one["field"] for fields in resource["layout"]["records"].values() for one in fields if "field" in one}
        return {name: kind for name, kind in said.items() if name in placed or name == self.record_column}

    def tables(self, path: Path) -> Iterator[pa.Table]:
        """The rows of one file, in their order."""
        resource = self.manifest["resources"][0]
        if resource["format"] == "parquet":
            with pyarrow.parquet.ParquetFile(path, pre_buffer=False) as file:
                for batch in file.iter_batches(batch_size=ROWS_PER_BATCH):
                    yield pa.Table.from_batches([batch])
        elif "layout" in resource:
            yield from _laid_out(path, resource, self.record_column)
        else:
            names = list(self.fields)
            with plain(path) as handle:
                handle.read(len(csv_file.line(names)))
                schema = pa.schema([pa.field(name, pa.string()) for name in names])
                for piece in whole_records(handle, BYTES_PER_BATCH):
                    yield read_block(piece, schema)


def fetch(entry: Entry, settings: Settings, outbox: Outbox, record_column: str | None) -> Stored:
    """Read a closed delivery back from where it was sent.

    Args:
        outbox: an empty folder for its files.

    Raises:
        DeliveryGone: a file is not there any more, or may not be read.
        DeliveredFilesDiffer: a file is not what its manifest says.
        WarehouseError: the destination does not answer.
    """
    with closing(open_destination(entry.destination or "", settings)) as destination:
        content = destination.read(f"{entry.delivery_id}/{data_package.NAME}")
        if content is None:
            raise _gone(entry, data_package.NAME)
        manifest = json.loads(content)
        paths = []
        for resource in manifest["resources"]:
            if data_package.ABOUT in resource:
                continue  # metadata of a table of statistics: no rows
            name = Path(str(resource["path"])).name
            path = outbox.unfinished(name)
            if not destination.fetch(f"{entry.delivery_id}/{name}", path):
                raise _gone(entry, name)
            if f"sha256:{sha256(path)}" != resource["hash"]:
                raise DeliveredFilesDiffer(
                    f"{entry.delivery_id}/{name} is not what its manifest says.",
                    meaning="It was changed where it lies. Nothing was compared.",
                    next_command=f"warehouse deliveries verify {entry.delivery_id}",
                )
            paths.append(outbox.finish(name))
    return Stored(entry, manifest, tuple(paths), record_column or _RECORD)


def _gone(entry: Entry, name: str) -> DeliveryGone:
    return DeliveryGone(
        f"{entry.delivery_id}/{name} is not to be read any more at {entry.destination}.",
        meaning="The recipient may have taken it, as agreed. Nothing was compared.",
        next_command=f"`warehouse deliveries show {entry.delivery_id}` says what the ledger has of it.",
    )


def _laid_out(path: Path, resource: Mapping[str, Any], record_column: str) -> Iterator[pa.Table]:
    """Records of a fixed width as columns of text, without the spaces that fill a field."""
    records, encoding = resource["layout"]["records"], str(resource["encoding"])
    size = int(resource["layout"]["width"]) + len(resource["layout"]["lineTerminator"])
    names = list(
        dict.fromkeys([record_column, *(f["field"] for fields in records.values() for f in fields if "field" in f)])
    )
    with path.open("rb") as handle:
        while content := handle.read(size * _LINES):
            lines = [content[at : at + size].decode(encoding) for at in range(0, len(content), size)]
            rows = [_fields(line, records, record_column) for line in lines]
            yield pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in names})


def _fields(line: str, records: Mapping[str, Any], record_column: str) -> dict[str, str]:
    """A record's fields; which record it is, its constants say."""
    for name, fields in records.items():
        parts = {n: line[f["start"] - 1 : f["start"] - 1 + f["width"]] for n, f in enumerate(fields)}
        if all(parts[n] == f["constant"] for n, f in enumerate(fields) if "constant" in f):
            found = {f["field"]: parts[n].strip(" ") for n, f in enumerate(fields) if "field" in f}
            return {record_column: name} | {column: text for column, text in found.items() if text}
    return {record_column: "unknown " + hashlib.sha256(line.encode()).hexdigest()[:8]}
