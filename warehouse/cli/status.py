"""`warehouse status`: how things stand, in a line each."""

from __future__ import annotations

import typer

from warehouse.cli.findings import print_findings
from warehouse.cli.opening import started
from warehouse.cli.output import JsonOption, print_json
from warehouse.jobs.standing import standing


def show_status(json: bool = JsonOption) -> None:
    """Show how things stand: replication, the build that readers see, a build that failed since, and deliveries.

    Exit code 0: nothing failed. Otherwise that of the first failure, such as 20: the last build failed, and what it
    made is kept for inspection. `warehouse doctor` examines this machine and the settings, too.
    """
    now = standing(started())
    if json:
        print_json(now.as_dict())
    else:
        print_findings(now.findings)
    if now.exit_code:
        raise typer.Exit(now.exit_code)
