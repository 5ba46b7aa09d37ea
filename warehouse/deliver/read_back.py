"""A finished file, read back from the disk in batches of bounded size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from warehouse.core.contracts import Contract
from warehouse.core.contracts.layout import Layout
from warehouse.core.csv_on_disk import BROKEN, plain
from warehouse.core.errors import CheckFailed
from warehouse.deliver import csv_file
from warehouse.deliver.csv_blocks import read_block, whole_records
from warehouse.deliver.fixed_width import END, Fitting, columns_beside, record
from warehouse.deliver.parquet_file import arrow_schema, does_not_fit

ROWS_PER_BATCH = 65_536
BYTES_PER_BATCH = 8 << 20


def batches(path: Path, contract: Contract, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of a file, its columns by the names of the contract, whatever the file calls them.

    Args:
        path: the file.
        contract: whose file it is.
        columns: only these; None for all.

    Raises:
        CheckFailed: the file does not have the contract's columns in its order, or a value is not of its type.
    """
    names = columns if columns is not None else [column.name for column in contract.columns]
    wanted = [contract.column(name).in_file for name in names]
    try:
        if contract.format.layout:
            yield from _fixed_width(path, contract, contract.format.layout, columns)
        elif contract.format.kind == "csv":
            yield from (batch.rename_columns(names) for batch in _csv(path, contract, wanted))
        else:
            yield from (batch.rename_columns(names) for batch in _parquet(path, contract, wanted))
    except pa.ArrowInvalid as error:
        raise does_not_fit(error, contract.columns, path.name) from None


def _structure(path: Path, what: str) -> CheckFailed:
    return CheckFailed(
        f"{path.name}: rule `structure` is broken: {what}.",
        meaning="The file is not what the contract says. Nothing was sent.",
        next_command="Run `warehouse deliver` again; if it stays, report it as a defect.",
    )


def _parquet(path: Path, contract: Contract, wanted: list[str]) -> Iterator[pa.RecordBatch]:
    with pyarrow.parquet.ParquetFile(path, pre_buffer=False) as file:
        # Whether a field may be null is the writer's to say, and for the gate to look at.
        if _types(file.schema_arrow) != _types(arrow_schema(contract.columns)):
            raise _structure(path, "its columns or their types are not those of the contract")
        yield from file.iter_batches(batch_size=ROWS_PER_BATCH, columns=wanted)


def _types(schema: pa.Schema) -> list[tuple[str, pa.DataType]]:
    return [(field.name, field.type) for field in schema]


def _fixed_width(path: Path, contract: Contract, layout: Layout, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
    """The columns beside the file; when all of them are read, the file has to be what the layout makes of them."""
    names = [column.name for column in contract.columns]
    if columns is not None:
        yield from _csv(columns_beside(path), contract, columns)
        return
    size = layout.width + len(END)
    with path.open("rb") as handle:
        for batch in _csv(columns_beside(path), contract, names):
            rows = batch.to_pylist()
            found = handle.read(size * len(rows))
            if found != b"".join(record(layout, row, Fitting()) for row in rows) or len(found) != size * len(rows):
                raise _structure(path, "its records are not what the layout makes of its rows")
            yield batch
        if handle.read(1):
            raise _structure(path, "it has more records than rows")


def _csv(path: Path, contract: Contract, wanted: list[str]) -> Iterator[pa.RecordBatch]:
    schema = arrow_schema(contract.columns)
    header = csv_file.line(schema.names)
    try:
        with plain(path) as handle:
            if handle.read(len(header)) != header:
                raise _structure(path, "its first line is not the header of the contract")
            for piece in whole_records(handle, BYTES_PER_BATCH):
                if not piece.endswith(b"\r\n"):
                    raise _structure(path, "its last line does not end")
                yield from read_block(piece, schema, wanted).to_batches()
    except BROKEN:
        raise _structure(path, "it is no whole compressed file") from None
