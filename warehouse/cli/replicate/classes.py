"""`warehouse replicate classes`."""

from __future__ import annotations

from typing import Annotated

import typer

from warehouse.cli.output import JsonOption, out, print_json
from warehouse.core import class_floors


def show_classes(
    record: Annotated[
        bool, typer.Option("--record", help="Write new and higher classes into replication/classes.csv.")
    ] = False,
    json: bool = JsonOption,
) -> None:
    """Compare the class of each column with the highest that it had, and with the present synchronisation's.

    A class that is lower needs a dated row in replication/lowered.csv, or nothing is replicated, built or sent (exit
    code 11). Needs no database.
    """
    compared = class_floors.check()
    written = class_floors.record() if record else []
    missing = [] if record else class_floors.unrecorded(class_floors.classes())
    if json:
        names = {"recorded": written, "not_recorded": missing}
        print_json({"compared": compared, **{key: [".".join(one) for one in found] for key, found in names.items()}})
        return
    out.print(f"{compared} classes: none is lower than it may be.")
    if written:
        out.print(f"Recorded: {', '.join('.'.join(one) for one in written)}.")
    if missing:
        out.print(f"New or higher, and not recorded yet: {', '.join('.'.join(one) for one in missing)}.")
        out.print("Record them: warehouse replicate classes --record")
