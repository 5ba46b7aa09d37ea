"""`warehouse replicate reset`."""

from __future__ import annotations

from typing import Annotated

import typer

from warehouse.cli.opening import opened
from warehouse.cli.output import JsonOption, out, print_json
from warehouse.core.errors import UsageError
from warehouse.replicate.door import only_command
from warehouse.replicate.run import clear


def reset(
    yes: Annotated[bool, typer.Option("--yes", help="Confirm: the replica and its history are dropped.")] = False,
    json: bool = JsonOption,
) -> None:
    """Remove replication with the replica and its whole history; the next run starts with a new copy."""
    if not yes:
        raise UsageError(
            "This drops the replica and its whole history.",
            meaning="Nothing was done. Dropped history cannot be recovered.",
            next_command="If that is what you want: warehouse replicate reset --yes",
        )
    with opened() as ends, only_command(ends.warehouse):
        was_set_up = ends.current is not None
        clear(ends, "reset by hand")
    if json:
        print_json({"reset": was_set_up})
    elif not was_set_up:
        out.print("Nothing is replicated yet, so there was nothing to remove. `warehouse run` makes the first copy.")
    else:
        out.print("Replication was removed. `warehouse run` starts again with a new copy.")
