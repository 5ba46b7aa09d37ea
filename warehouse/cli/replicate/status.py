"""`warehouse replicate status`."""

from __future__ import annotations

from dataclasses import asdict

import typer

from warehouse.cli.output import JsonOption, out, print_json, print_table, size
from warehouse.core.databases import Databases
from warehouse.core.errors import ReplicationError
from warehouse.core.settings import load
from warehouse.replicate import status


def show_status(json: bool = JsonOption) -> None:
    """How replication stands: state, lag, epoch, tables. Exit code 18 when it does not stream."""
    databases = Databases(load())
    databases.start()
    now = status(databases)
    if json:
        print_json(asdict(now))
    else:
        rows = sum(table["rows"] for table in now.tables)
        out.print(f"Replication is [bold]{now.state}[/].")
        if now.epoch is not None:
            out.print(f"  epoch {now.epoch}, slot {now.slot}, since {now.since}")
            out.print(f"  {size(now.lag_bytes)} behind; the source keeps {size(now.retained_bytes)} of WAL for it")
            out.print(f"  {now.transactions:,} transactions, the newest of {now.last_commit_at}")
            out.print(f"  {len(now.tables)} tables, about {rows:,} rows; {now.apply_errors} apply errors")
            print_table(None, ["table", "rows", "earlier versions"], [tuple(t.values()) for t in now.tables])
    if now.state not in ("streaming", "not set up"):
        raise typer.Exit(ReplicationError.exit_code)
