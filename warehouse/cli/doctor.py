"""`warehouse doctor`: what works, what does not, and what to do about it."""

from __future__ import annotations

import typer

from warehouse.cli.findings import as_json, print_findings
from warehouse.cli.output import JsonOption, out, print_json
from warehouse.core.databases import Databases
from warehouse.core.errors import SetupError
from warehouse.core.finding import first_failed
from warehouse.core.settings import load
from warehouse.jobs.doctor import examine, summary


def doctor(json: bool = JsonOption) -> None:
    """Check this machine, the settings, both databases, replication, builds and deliveries.

    A tiny file is written to each destination, read back and removed. Exit code 13: something failed.
    """
    findings = examine(Databases(load()))
    healthy = first_failed(findings) is None
    if json:
        print_json({"healthy": healthy, "findings": as_json(findings)})
    else:
        print_findings(findings)
        out.print()
        out.print(summary(findings))
    if not healthy:
        raise typer.Exit(SetupError.exit_code)
