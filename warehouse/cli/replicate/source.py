"""`warehouse replicate source`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from warehouse.cli.opening import opened
from warehouse.cli.output import JsonOption, out, print_json
from warehouse.core.errors import SourceMoved
from warehouse.replicate.stream import source_server


def show_source(
    accept: Annotated[
        str | None, typer.Option("--accept", help="The source has moved to the server that answers now; says why.")
    ] = None,
    json: bool = JsonOption,
) -> None:
    """Which server the source is. Exit code 49 when another one answers, perhaps a copy, until a person accepts it."""
    with opened() as ends:
        epoch = ends.streaming()
        accepted = accept is not None and source_server.accept(
            ends.databases, ends.trs, ends.warehouse, epoch.epoch_id, accept
        )
        noted = source_server.read_noted(ends.warehouse, epoch.epoch_id)
        now = source_server.read(ends.databases, ends.trs)
    has_moved = source_server.change(noted, now) == "moved"
    if json:
        print_json({"noted": asdict(noted) if noted else None, "now": asdict(now), "accepted": accepted})
    elif noted is None:
        out.print(f"{source_server.in_words(now)} answers; no server was noted as the source yet.")
    elif has_moved:
        out.print(f"{source_server.in_words(now)} answers; the source was at {source_server.in_words(noted)}.")
        out.print('Moved there: warehouse replicate source --accept "why". If not, set TRS_DATABASE_URL back.')
    elif accepted:
        out.print("Written down. The next run compares both sides.")
    else:
        out.print(f"The source is at {source_server.in_words(now)}, as before.")
    if has_moved:
        raise typer.Exit(SourceMoved.exit_code)
