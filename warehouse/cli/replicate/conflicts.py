"""`warehouse replicate conflicts`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from warehouse.cli.findings import print_findings
from warehouse.cli.opening import opened
from warehouse.cli.output import JsonOption, out, print_json, print_table
from warehouse.replicate.conflicts.conflicts import Conflict
from warehouse.replicate.conflicts.decide import open_conflicts


def show_conflicts(
    every: Annotated[bool, typer.Option("--all", help="Include those that were resolved or skipped.")] = False,
    json: bool = JsonOption,
) -> None:
    """List transactions that cannot be applied: what does not fit, why, and the choices.

    Exit code 56: one is open.
    """
    with opened() as ends:
        found = open_conflicts(ends, every=every)
        is_set_up = ends.current is not None
    waiting = [conflict for conflict in found if conflict.state == "open"]
    if json:
        print_json({"open": len(waiting), "conflicts": [asdict(conflict) for conflict in found]})
    else:
        _print(found, is_set_up=is_set_up)
    if waiting:
        raise typer.Exit(waiting[0].finding().exit_code)


def _print(found: list[Conflict], *, is_set_up: bool) -> None:
    if not found:
        nothing = "No transaction waits for a decision."
        out.print(nothing if is_set_up else f"Nothing is replicated yet. {nothing}")
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
                c.shown_key,
                c.constraint,
                c.rows,
            )
            for c in found
        ],
    )
    print_findings([conflict.finding() for conflict in found if conflict.state == "open"], named=False)
