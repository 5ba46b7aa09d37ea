"""dlt beside the first copy: one table, with its fastest backend and file format."""

from __future__ import annotations

import psycopg

from bench.first_copy import begin_even, raw
from bench.measure import Aim, Figure, against, timing
from bench.peers.environment import PeerFailed, as_url, environment
from bench.subscriber import SCHEMA, drop_database, keys, other_database, replicated_columns
from warehouse.cli.output import out
from warehouse.core.databases import Databases
from warehouse.core.ledger import migrate
from warehouse.core.progress import Progress
from warehouse.replicate import load_classification
from warehouse.replicate.replica import tables as replica_tables
from warehouse.replicate.sync import parts

TABLE = "persons"


def one_table(databases: Databases, progress: Progress, _measured: list[Figure]) -> list[Figure]:
    """dlt, our copy with its key, and raw COPY, of the same table."""
    progress.say(f"{TABLE}: raw COPY and ours")
    begin_even(databases)
    limit = raw(databases, TABLE)
    begin_even(databases)
    ours = _ours(databases)
    progress.say(f"{TABLE}: dlt")
    begin_even(databases)
    try:
        seconds, rows = _dlt(databases)
    except PeerFailed as failure:
        out.print(f"  dlt was not measured: {failure}")
        return [limit, Figure(limit.topic, "our copy, with its key", *ours, ours[0] / limit.seconds, limit.what)]
    peer = Figure(
        limit.topic, "dlt, pyarrow to Parquet to PostgreSQL", seconds, rows, seconds / limit.seconds, limit.what
    )
    own = Figure(limit.topic, "our copy, with its key", *ours)
    aim = Aim("times as fast as dlt", against(peer, own), "at least", 15)
    return [limit, Figure(own.topic, own.what, *ours, ours[0] / limit.seconds, limit.what, (aim,)), peer]


def _ours(databases: Databases) -> tuple[float, int]:
    """The copy as `warehouse replicate` makes it, without its slot and stream; seconds and rows."""
    target, key = other_database(databases, "ours_"), keys(databases)[TABLE]
    classification = load_classification()

    def on_table(connection: psycopg.Connection, table: str) -> None:
        replica_tables.add_key(connection, SCHEMA, table, key)

    with psycopg.connect(target, autocommit=True) as connection, databases.source() as trs, timing() as watch:
        migrate(connection)
        replica_tables.create_tables(connection, SCHEMA, {TABLE: replicated_columns(databases)[TABLE]})
        trs.execute("begin isolation level repeatable read read only")
        exported = trs.execute("select pg_export_snapshot()").fetchone()
        assert exported is not None
        rows = parts.copy_parts(
            parts.split(trs, SCHEMA, {TABLE: classification.published[TABLE]}, classification.json_rules),
            snapshot=exported[0],
            connect_source=databases.source,
            connect_warehouse=lambda: psycopg.connect(target, autocommit=True),
            on_part=lambda *_: None,
            on_table=on_table,
        )
    drop_database(databases, "ours_")
    return watch.seconds, rows


def _dlt(databases: Databases) -> tuple[float, int]:
    columns = load_classification().published[TABLE]
    target = other_database(databases, "dlt_")
    try:
        with environment("dlt") as own:
            done = own.run(
                "dlt_load.py",
                [TABLE, ",".join(columns), str(own.folder / "work")],
                {
                    "SOURCE": as_url(databases.source_conninfo),
                    "TARGET": as_url(target),
                    "RUNTIME__DLTHUB_TELEMETRY": "false",
                },
            )
    finally:
        drop_database(databases, "dlt_")
    return float(done["seconds"]), int(done["rows"])
