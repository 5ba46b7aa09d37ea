"""`warehouse replicate reset`."""

from __future__ import annotations

from typing import Annotated

import typer

from warehouse.cli.output import JsonOption, out, print_json
from warehouse.core.databases import Databases
from warehouse.core.errors import UsageError
from warehouse.core.settings import load
from warehouse.replicate import load_classification
from warehouse.replicate.stage import clear


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
