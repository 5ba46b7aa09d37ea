"""`warehouse replicate clocks`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from warehouse.cli.opening import at_warehouse
from warehouse.cli.output import JsonOption, out, print_json, print_table
from warehouse.core.errors import ClocksDisagree
from warehouse.replicate.history import clocks


def show_clocks(
    every: Annotated[bool, typer.Option("--all", help="Include those that were acknowledged.")] = False,
    acknowledge: Annotated[
        bool, typer.Option("--acknowledge", help="Record that they are known; they are not reported again.")
    ] = False,
    because: Annotated[str, typer.Option("--because", help="What was wrong with the clock.")] = "",
    json: bool = JsonOption,
) -> None:
    """List commit times of the source that cannot be true. Exit code 55 until a person acknowledges them."""
    with at_warehouse() as (_, warehouse):
        if acknowledge:
            clocks.acknowledge(warehouse, because)
        found = clocks.jumps(warehouse, acknowledged=every)
    waiting = [one for one in found if one.acknowledged_at is None and one.seconds > clocks.TOLERANCE_SECONDS]
    if json:
        print_json([asdict(one) for one in found])
    elif not found:
        out.print("No commit time contradicts another.")
    else:
        print_table(
            None,
            ["found", "what", "because"],
            [(f"{one.found_at:%Y-%m-%d %H:%M}", one.what, one.because) for one in found],
        )
        out.print(
            "Each of these transactions has the time of the one before it; ledger.transactions.source_committed_at"
        )
        out.print("keeps what the source said. Next: warehouse replicate clocks --acknowledge --because …")
    if waiting:
        raise typer.Exit(ClocksDisagree.exit_code)
