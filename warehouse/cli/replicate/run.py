"""`warehouse replicate run`."""

from __future__ import annotations

from dataclasses import asdict

from warehouse.cli.output import JsonOption, TerminalProgress, out, print_json
from warehouse.core.databases import Databases
from warehouse.core.errors import NewColumnsHeld
from warehouse.core.settings import load
from warehouse.replicate.door import ready
from warehouse.replicate.run import replicate


def run_stage(json: bool = JsonOption) -> None:
    """Set replication up, or wait until the replica has caught up with the source."""
    databases = ready(Databases(load()))
    progress = TerminalProgress(quiet=json)
    with progress.stage("replicate"):
        report, held = replicate(databases, progress)
    if json:
        print_json(asdict(report))
    else:
        out.print(f"{report.where[0]}; {', '.join(report.notes)} ({report.seconds:.1f} s)")
    if held:
        raise held.first or new_columns_held(str(held))


def new_columns_held(names: str) -> NewColumnsHeld:
    """The message for columns that nobody has classified."""
    return NewColumnsHeld(
        f"The operational database has columns that are not classified: {names}.",
        meaning="They are not replicated: the warehouse has nothing of them. Everything else was done.",
        next_command="Give each a line in replication/trs.yml (open, personal, sensitive or secret), then run again.",
    )
