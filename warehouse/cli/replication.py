"""`warehouse replicate …`: the replica."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from warehouse.cli.output import JsonOption, TerminalProgress, out, print_json, print_table, size
from warehouse.core.databases import Databases
from warehouse.core.errors import NewColumnsHeld, ReplicationError, UsageError
from warehouse.core.ledger import migrate
from warehouse.core.settings import load
from warehouse.replicate import load_classification, status
from warehouse.replicate.publication import statement
from warehouse.replicate.stage import clear, replicate

app = typer.Typer(help="The replica of the operational database.", no_args_is_help=True)


@app.command("status")
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


@app.command("run")
def run_stage(json: bool = JsonOption) -> None:
    """Set replication up, or wait until the replica has caught up."""
    databases = Databases(load())
    databases.start()
    progress = TerminalProgress(quiet=json)
    with databases.warehouse() as warehouse:
        migrate(warehouse)
    with progress.stage("replicate"):
        report, held = replicate(databases, progress)
    if json:
        print_json(asdict(report))
    else:
        out.print(f"{report.where[0]}; {', '.join(report.notes)} ({report.seconds:.1f} s)")
    if held:
        raise new_columns_held(str(held))


@app.command("sql")
def show_sql(json: bool = JsonOption) -> None:
    """Print the statement that makes the publication, for an administrator of the operational database."""
    databases = Databases(load())
    databases.start()
    with databases.source() as trs:
        name = databases.settings.warehouse_replication_name
        text = statement(name, load_classification()).as_string(trs) + ";"
    if json:
        print_json({"sql": text})
    else:
        out.print(text, markup=False)


@app.command("reset")
def reset(
    yes: Annotated[bool, typer.Option("--yes", help="Do it: the replica and its history are dropped.")] = False,
    json: bool = JsonOption,
) -> None:
    """Take replication down, so that the next run starts over with a new copy. The history goes, too."""
    if not yes:
        raise UsageError(
            "This drops the replica and the whole history that it kept.",
            meaning="Nothing was done: what was known before cannot be brought back afterwards.",
            next_command="If that is what you want: warehouse replicate reset --yes",
        )
    databases = Databases(load())
    databases.start()
    with databases.source() as trs, databases.warehouse() as warehouse:
        clear(databases, trs, warehouse, load_classification(), "reset by hand")
    if json:
        print_json({"reset": True})
    else:
        out.print("Replication is taken down. `warehouse run` starts over.")


def new_columns_held(names: str) -> NewColumnsHeld:
    """The message for columns that nobody has classified."""
    return NewColumnsHeld(
        f"The operational database has columns that nobody has classified: {names}.",
        meaning="They were held back: nothing of them is in the warehouse. Everything else was done.",
        next_command="Give each a line in replication/trs.yml (open, personal, sensitive or secret), then run again.",
    )
