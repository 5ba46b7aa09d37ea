"""The replication stage of a run: set up what is missing, or catch up with what is there."""

from __future__ import annotations

import psycopg
from psycopg import sql

from warehouse.core.databases import Databases
from warehouse.core.errors import ReplicationError, SetupError
from warehouse.core.progress import Progress, StageReport, timed
from warehouse.replicate import copy, epochs, history, publication, replica, source, subscription
from warehouse.replicate.classification import Classification, NewColumns, compare, load_classification


def replicate(databases: Databases, progress: Progress) -> tuple[StageReport, NewColumns]:
    """Bring the replica up to date with what is committed at the source now.

    Returns:
        The report, and the columns that were held back because nobody has classified them.

    Raises:
        ClassificationError, SourceNotReady, MissingPrivilege, ReplicationError, DatabaseUnreachable: see
            warehouse.core.errors; each leaves the replica as it was, or an initial copy to be started over.
    """
    classification = load_classification()
    name = databases.settings.warehouse_replication_name
    with timed("replicate") as report, databases.source() as trs, databases.warehouse() as warehouse:
        source.check_server(trs)
        tables = source.read_tables(trs, classification.schema_name)
        held = compare(classification, tables)
        source.check_readable(trs, classification.schema_name, classification.published)
        epoch = epochs.current(warehouse, name)
        if epoch is not None and epoch.state == "copying":
            progress.say("clearing away an initial copy that was broken off")
            clear(databases, trs, warehouse, classification, "the initial copy was broken off")
            epoch = None
        if epoch is None:
            epoch = _set_up(databases, trs, warehouse, classification, tables, report, progress)
        else:
            _check_same_source(databases, epoch)
            subscription.follow_address(warehouse, name, databases.source_conninfo)
            history.upgrade(warehouse, classification.schema_name)
            # A kill between setting up and starting the stream leaves it off.
            subscription.enable(warehouse, name)
        position = subscription.wait_until_applied(trs, warehouse, name, progress)
        origin = subscription.origin_name(warehouse, name)
        published = list(classification.published)
        stamped = history.catch_up(warehouse, epoch, classification, origin)
        if report.rows_in is None:
            report.rows_in = report.rows_out = stamped.row_changes
            report.notes.append(f"{stamped.transactions:,} transactions")
        report.rejected = 0
        report.where = [f"{len(published)} tables, current to {position}"]
        if held:
            report.notes.append(f"held back, not classified: {held}")
    return report, held


def _set_up(
    databases: Databases,
    trs: psycopg.Connection,
    warehouse: psycopg.Connection,
    classification: Classification,
    tables: source.Tables,
    report: StageReport,
    progress: Progress,
) -> epochs.Epoch:
    """The first copy and the hand-over to the stream.

    The slot's exported snapshot shows exactly what was committed before the position from which the slot streams:
    what is copied on it and what is streamed after it meet without a gap or an overlap, however busy the source is.
    """
    name, schema = databases.settings.warehouse_replication_name, classification.schema_name
    published = classification.published
    _check_slot_is_free(trs, name)
    source.check_headroom(trs)
    columns = {table: [tables[table][column] for column in names] for table, names in published.items()}
    keys = {table: _key(table, tables[table], names) for table, names in published.items()}
    publication.prepare(trs, name, classification)
    _check_commit_times(warehouse)
    with subscription.replication_connection(databases.source_conninfo) as slot_connection:
        identity = subscription.system_id(slot_connection)
        epoch = epochs.begin(warehouse, name, identity, trs.info.dbname)
        slot = subscription.create_slot(slot_connection, name)
        epochs.slot_made(warehouse, epoch, slot.lsn)
        replica.create_schemas(warehouse, schema)
        replica.create_tables(warehouse, schema, columns)
        parts = copy.split(trs, schema, published, classification.without)
        done = 0

        def on_part(connection: psycopg.Connection, part: copy.Part, rows: int, seconds: float) -> None:
            nonlocal done
            epochs.part_copied(connection, epoch, part.table, rows, seconds)
            done += rows
            progress.count("rows copied", done)

        def on_table(connection: psycopg.Connection, table: str) -> None:
            replica.add_key(connection, schema, table, keys[table])
            history.keep(connection, schema, table, columns[table], keys[table])
            replica.remove_credentials(connection, schema, table, classification.without(table))
            connection.execute(sql.SQL("analyze {}").format(sql.Identifier(schema, table)))

        copied = copy.copy_parts(
            parts,
            snapshot=slot.snapshot,
            connect_source=databases.source,
            connect_warehouse=databases.warehouse,
            on_part=on_part,
            on_table=on_table,
        )
    with warehouse.transaction():
        subscription.create(warehouse, name, databases.source_conninfo)
        # Before the stream is enabled: no transaction of it may escape the transaction ledger.
        epochs.streaming(warehouse, epoch)
    subscription.enable(warehouse, name)
    report.rows_in = report.rows_out = copied
    report.notes.append("first copy")
    return epoch


def clear(
    databases: Databases,
    trs: psycopg.Connection,
    warehouse: psycopg.Connection,
    classification: Classification,
    reason: str,
) -> None:
    """Take replication down: subscription, slot, replica and history. The publication stays."""
    name = databases.settings.warehouse_replication_name
    subscription.drop(warehouse, name)
    subscription.drop_slot(trs, name)
    replica.drop_all(warehouse, classification.schema_name, list(classification.published))
    epoch = epochs.current(warehouse, name)
    if epoch:
        epochs.end(warehouse, epoch, reason)


def _key(table: str, columns: dict[str, source.SourceColumn], published: list[str]) -> list[str]:
    """The primary key, which must be published: the source's own updates would fail otherwise."""
    key = source.key_of(columns)
    hidden = [name for name in key if name not in published]
    if not key or hidden:
        raise ReplicationError(
            f"{table} cannot be replicated: "
            + (f"its key column {hidden[0]} is not published." if hidden else "it has no primary key."),
            meaning="Updates and deletes could not be told apart; at the source they would fail. Nothing was set up.",
            next_command="Publish the key column in replication/trs.yml, or leave the table behind there.",
        )
    return key


def _check_slot_is_free(trs: psycopg.Connection, name: str) -> None:
    row = trs.execute("select database, active from pg_replication_slots where slot_name = %s", (name,)).fetchone()
    if row:
        raise ReplicationError(
            f"The operational database has a slot {name} already ({'in use' if row[1] else 'idle'}), "
            "and this warehouse did not make it.",
            meaning="It belongs to another warehouse, or to one that was thrown away; it was not touched.",
            next_command="If it is another's, set WAREHOUSE_REPLICATION_NAME to a name of your own. If it is nobody's, "
            f"drop it: warehouse sql --source \"select pg_drop_replication_slot('{name}')\"; then run again.",
        )


def _check_same_source(databases: Databases, epoch: epochs.Epoch) -> None:
    with subscription.replication_connection(databases.source_conninfo) as connection:
        identity = subscription.system_id(connection)
    if identity != epoch.source_system_id:
        raise ReplicationError(
            "TRS_DATABASE_URL leads to another database cluster than the one that was replicated so far.",
            meaning="Going on would mix two sources; the replica was not touched.",
            next_command="Set TRS_DATABASE_URL back; or, to start over with the new source, "
            "`warehouse replicate reset` and `warehouse run`.",
        )


def _check_commit_times(warehouse: psycopg.Connection) -> None:
    row = warehouse.execute("show track_commit_timestamp").fetchone()
    if row and row[0] != "on":
        raise SetupError(
            "The warehouse's server does not keep commit times (track_commit_timestamp is off).",
            meaning="History could not say when a change was made at the source, so replication was not set up.",
            next_command="As its administrator: ALTER SYSTEM SET track_commit_timestamp = on; restart it, run again.",
        )
