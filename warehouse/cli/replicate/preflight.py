"""`warehouse replicate preflight`."""

from __future__ import annotations

import typer

from warehouse.cli.findings import as_json, print_findings
from warehouse.cli.opening import started
from warehouse.cli.output import JsonOption, out, print_json
from warehouse.replicate.preflight.preflight import preflight


def show_preflight(json: bool = JsonOption) -> None:
    """Check whether replication between the two databases can work. Changes nothing.

    The exit code is that of the first check that failed (13, 15, 16, 17 or 18), and 0 if there are only warnings.
    """
    checks = preflight(started())
    failed = [check for check in checks if check.state == "failed"]
    if json:
        print_json({"ready": not failed, "checks": as_json(checks)})
    else:
        print_findings(checks)
        out.print()
        out.print("Ready." if not failed else f"{len(failed)} of {len(checks)} checks failed.")
    if failed:
        raise typer.Exit(failed[0].exit_code)
