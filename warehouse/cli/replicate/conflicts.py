"""`warehouse replicate conflicts`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from warehouse.cli.output import JsonOption, out, print_json, print_table
from warehouse.core.databases import Databases
from warehouse.core.settings import load
from warehouse.replicate.guard.conflicts import Conflict, as_error, shown_key
from warehouse.replicate.guard.decide import open_conflicts


def show_conflicts(
    every: Annotated[bool, typer.Option("--all", help="Those that were resolved or skipped, too.")] = False,
    json: bool = JsonOption,
) -> None:
    """Transactions that cannot be applied: what does not fit, why, and the choices. Exit code 56 when one is open."""
    databases = Databases(load())
    databases.start()
    found = open_conflicts(databases, every=every)
    waiting = [conflict for conflict in found if conflict.state == "open"]
    if json:
        print_json({"open": len(waiting), "conflicts": [asdict(conflict) for conflict in found]})
    else:
        _print(found)
    if waiting:
        raise typer.Exit(as_error(waiting[0]).exit_code)


def _print(found: list[Conflict]) -> None:
    if not found:
        out.print("No transaction waits for a decision.")
        return
    print_table(
        None,
        ["lsn", "state", "committed", "table", "operation", "key", "rule", "rows"],
        [
            (
                c.lsn,
                c.state,
                f"{c.committed_at:%Y-%m-%d %H:%M:%S}" if c.committed_at else None,
                c.table,
                c.operation,
                shown_key(c),
                c.constraint,
                c.rows,
            )
            for c in found
        ],
    )
    for conflict in found:
        if conflict.state == "open":
            error = as_error(conflict)
            out.print()
            out.print(error.what, markup=False)
            out.print(f"  What it means  {error.meaning}", markup=False)
            out.print(f"  Next           {error.next_command}", markup=False)
