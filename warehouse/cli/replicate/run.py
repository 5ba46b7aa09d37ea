"""`warehouse replicate run`."""

from __future__ import annotations

from dataclasses import asdict

from warehouse.cli.opening import ready
from warehouse.cli.output import JsonOption, TerminalProgress, out, print_json
from warehouse.replicate.run import replicate


def run_stage(json: bool = JsonOption) -> None:
    """Set replication up, or wait until the replica has caught up with the source."""
    databases = ready()
    progress = TerminalProgress(quiet=json)
    with progress.stage("replicate"):
        report, held = replicate(databases, progress)
    if json:
        print_json(asdict(report))
    else:
        out.print(f"{report.where[0]}; {', '.join(report.notes)} ({report.seconds:.1f} s)")
    if held:
        raise held.error()
