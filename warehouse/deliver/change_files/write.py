"""The files of a set, all from one snapshot of the warehouse, through a stream: memory does not grow with the rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from warehouse.core.classes import Classes
from warehouse.core.contracts import Contract
from warehouse.core.progress import Progress
from warehouse.deliver.change_files.gaps import told_gaps
from warehouse.deliver.change_files.read import columns_of, copy_of
from warehouse.deliver.change_files.records import Recorded
from warehouse.deliver.change_files.tables import ChangeTable, find_tables
from warehouse.deliver.edition import ChangeSet
from warehouse.deliver.extract import Extract, abandon, blocks
from warehouse.deliver.files import FileFacts
from warehouse.deliver.outbox import Outbox, no_room
from warehouse.deliver.parquet_file import ParquetFile
from warehouse.deliver.snapshot import snapshot
from warehouse.deliver.values import Values, source_of

_LONDON = ZoneInfo("Europe/London")


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        tables: those with a file, with the contract by which it was written.
        facts: for the ledger and the manifest.
    """

    extract: Extract
    tables: dict[str, tuple[ChangeTable, Contract]]
    facts: dict[str, Any]


def write(
    connection: psycopg.Connection,
    edition: ChangeSet,
    classes: Classes,
    span: Recorded,
    last: Recorded | None,
    outbox: Outbox,
    progress: Progress,
    hook: Callable[[str], None],
) -> Written:
    """Write a file for each table that has something to tell, or a new version of its columns.

    Args:
        connection: to the warehouse, for this alone, with the settings of core/session.py.
        classes: of the replicated columns.
        last: the set that it continues; None where it begins a series.
        hook: called with "extracting" while rows flow.

    Raises:
        CheckFailed: a value does not fit its type.
        DeliveryError: a table cannot be read, or the outbox cannot be written.
    """
    day = span.known_at.astimezone(_LONDON).date()
    files: list[FileFacts] = []
    made: dict[str, tuple[ChangeTable, Contract]] = {}
    told: dict[str, Any] = {}
    again = "Run `warehouse replicate status`, then `warehouse deliver` again."
    with snapshot(connection, "The history of a table", again):
        source = source_of(connection)
        tables = list(find_tables(connection, edition.contract, classes, span, last))
        # Of what came since its last look at a table PostgreSQL expects one row, and would go through the transactions
        # again for each: they are hashed once.
        connection.execute("set local enable_nestloop = off")
        for table in tables:
            contract = contract_of(edition.contract, table)
            try:
                facts = _file(connection, edition, classes.schema, table, contract, span, outbox, source, hook)
            except OSError as error:
                raise no_room(error) from None
            rows = facts.rows or 0
            told[table.name] = table.as_fact(rows)
            if rows or table.is_new_version:
                files.append(facts)
                made[facts.name] = (table, contract)
                progress.say(f"{edition.delivery_id}: {table.name}, {rows:,} rows")
            else:
                outbox.path(facts.base_name).unlink()
        gone = sorted(set(last.facts.get("tables", {})) - set(told)) if last else []
        assert edition.contract.change_files is not None
        facts_told = {
            "tables": told,
            "tables_gone": gone,
            "tables_not_there": sorted(set(edition.contract.change_files.tables) - set(told)),
            **told_gaps(connection, last),
        }
    return Written(Extract(tuple(files), day), made, facts_told)


def contract_of(contract: Contract, table: ChangeTable) -> Contract:
    """The contract as one of a table's file."""
    return replace(
        contract,
        columns=columns_of(table),
        description=f"Versions of rows of {table.name}, and their ends.",
        primary_key=table.key,
    )


def _file(
    connection: psycopg.Connection,
    edition: ChangeSet,
    schema: str,
    table: ChangeTable,
    contract: Contract,
    span: Recorded,
    outbox: Outbox,
    source: str | None,
    hook: Callable[[str], None],
) -> FileFacts:
    name = edition.table_file(table.name)
    base = name.rsplit("/", maxsplit=1)[-1]
    file = ParquetFile(outbox.unfinished(base), contract, name, span.known_at.astimezone(_LONDON).date())
    rows, values = 0, Values()
    try:
        for block in blocks(connection, copy_of(connection, schema, table, span.to_position)):
            file.write(block)
            values.add(block)
            rows += len(block)
            hook("extracting")
    except BaseException:
        abandon(file)
        raise
    file.close()
    return replace(file.finish(outbox, name, rows), content=values.as_dict({}, source, contract))
