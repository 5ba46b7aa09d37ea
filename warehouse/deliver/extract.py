"""From the model's table to files in the outbox, through a stream: memory does not grow with the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

import psycopg
from psycopg import sql

from warehouse.core.contracts import Contract
from warehouse.core.copy_out import read_rows
from warehouse.core.errors import DeliveryError
from warehouse.core.progress import Progress
from warehouse.deliver.basis import Basis
from warehouse.deliver.csv_file import CsvFile
from warehouse.deliver.data_file import DataFile
from warehouse.deliver.disclosure.published import Told
from warehouse.deliver.edition import Edition
from warehouse.deliver.files import FileFacts, facts_of
from warehouse.deliver.hostile_text import harmless
from warehouse.deliver.outbox import Outbox, no_room
from warehouse.deliver.pseudonyms import Pseudonyms
from warehouse.deliver.select import SCHEMA, as_at, check_model, copy_query
from warehouse.deliver.snapshot import snapshot
from warehouse.deliver.statistics_file import controlled, metadata, metadata_name
from warehouse.deliver.values import Counted, Values, count, source_of

ROWS_PER_BLOCK = 2_048
BYTES_PER_BLOCK = 1 << 20
"""Rows are handed on in blocks, ending at whichever comes first. While one is worked on, the server fills what lies
between it and this program; a larger block would take longer than that, and the server would wait."""


@dataclass(frozen=True)
class Extract:
    """What was extracted.

    Attributes:
        files: the data files in the order of the contract, those of one table in the order of its rows.
        as_at: the business date of the snapshot.
    """

    files: tuple[FileFacts, ...]
    as_at: date

    @property
    def rows(self) -> int:
        return sum(file.rows or 0 for file in self.files)


def extract(
    connection: psycopg.Connection,
    edition: Edition,
    basis: Basis,
    outbox: Outbox,
    progress: Progress,
    hook: Callable[[str], None],
    pseudonyms: Pseudonyms | None = None,
) -> Extract:
    """Write the contract's files into the outbox, all from one snapshot of the database.

    Args:
        connection: to the warehouse, for this alone, with the settings of core/session.py.
        basis: the build that the rows have to be of, and where its tables are.
        hook: called with "extracting" once rows have begun to flow.
        pseudonyms: what makes them, where the contract asks for any.

    Raises:
        NotCovered: the table is not what the published build made.
        ContractError: the model does not fit the contract.
        CheckFailed: a value does not fit its type, or the rows are not one snapshot.
        CountsNotProtected: they are no whole table of statistics.
        DeliveryError: the model is not there, or the outbox cannot be written.
    """
    contract = edition.contract
    with snapshot(connection, f"{SCHEMA}.{contract.model}", "Run `warehouse doctor`, then `warehouse deliver` again."):
        for one in contract.tables:
            check_model(connection, one, basis.schema)
        # In this snapshot, so that what is found of the tables is true of the rows that are read.
        basis.check_table(connection, edition)
        for one in contract.tables:
            day = as_at(connection, one, basis.build.as_at, basis.schema)
        if pseudonyms:
            pseudonyms.prepare(connection)
        files: list[FileFacts] = []
        try:
            for file in edition.files:
                theirs = pseudonyms and pseudonyms.of(file.contract)
                files += _write_files(connection, file, basis.schema, day, outbox, progress, hook, theirs)
        except OSError as error:
            raise no_room(error) from None
    return Extract(tuple(files), day)


def _write_files(
    connection: psycopg.Connection,
    edition: Edition,
    schema: str,
    day: date,
    outbox: Outbox,
    progress: Progress,
    hook: Callable[[str], None],
    pseudonyms: Pseudonyms | None,
) -> Iterator[FileFacts]:
    contract = edition.contract

    def finished() -> FileFacts:
        facts = replace(file.finish(outbox, name, in_file), replaced=replaced)
        control = {"disclosure": told.as_dict()} if contract.statistics else {}
        return replace(facts, content=values.as_dict(nulled, source, contract) | control)

    counted, source = count(connection, contract, edition.period, schema), source_of(connection)
    nulled = counted.made_null
    per_file, part, done = contract.format.rows_per_file, 1, 0
    name = edition.file_name(part)
    file, in_file, replaced, values = _open(outbox, contract, name, day, counted), 0, 0, Values()
    try:
        told = Told()
        rows_read = blocks(connection, copy_query(contract, edition.period, pseudonyms, schema), per_file)
        for read in controlled(rows_read, contract, told) if contract.statistics else rows_read:
            block = pseudonyms.write(read) if pseudonyms else read
            if per_file and in_file >= per_file:
                file.close()
                yield finished()
                part, in_file, replaced, values, nulled = part + 1, 0, 0, Values(), {}
                name = edition.file_name(part)
                file = _open(outbox, contract, name, day, counted)
            rows, found = harmless(block) if contract.format.control_characters == "replace" else (block, 0)
            file.write(rows)
            values.add(rows)
            replaced += found
            hook("extracting")
            in_file, done = in_file + len(block), done + len(block)
            progress.count(f"writing {name}", done)
    except BaseException:
        abandon(file)
        raise
    file.close()
    yield finished()
    if contract.statistics:
        beside = metadata_name(name)
        path = outbox.write(beside.rsplit("/", maxsplit=1)[-1], metadata(contract.statistics))
        yield facts_of(path, beside, None)


def abandon(file: DataFile) -> None:
    """Close a file after another failure, which is the one to report."""
    try:
        file.close()
    except (OSError, DeliveryError):
        return


def _open(outbox: Outbox, contract: Contract, name: str, day: date, counted: Counted) -> DataFile:
    base = name.rsplit("/", maxsplit=1)[-1]
    path = outbox.unfinished(base)
    # Each kind is loaded where a file of it is made: PyArrow would be half of the memory that making a CSV takes.
    if contract.format.layout:
        from warehouse.deliver.fixed_width import COLUMNS, FixedWidthFile  # noqa: PLC0415

        return FixedWidthFile(path, outbox.unfinished(base + COLUMNS), contract)
    if contract.format.kind == "csv":
        names = [column.in_file for column in contract.columns]
        return CsvFile(path, names, is_compressed=contract.format.is_compressed)
    from warehouse.deliver.parquet_file import ParquetFile  # noqa: PLC0415

    return ParquetFile(path, contract, name, day, counted.missing)


def blocks(
    connection: psycopg.Connection, query: sql.Composed, per_file: int | None = None
) -> Iterator[Sequence[bytes]]:
    """The rows of a COPY in blocks that never cross from one file to the next.

    PostgreSQL sends each row of a COPY as one message (its protocol says so), so a message is a row.
    """
    left = per_file
    # psycopg begins it, and ends it where a block is not wanted any more.
    with connection.cursor().copy(query):
        while block := connection.wait(
            read_rows(connection.pgconn, min(left or ROWS_PER_BLOCK, ROWS_PER_BLOCK), BYTES_PER_BLOCK)
        ):
            left = None if left is None else left - len(block) or per_file
            yield block
