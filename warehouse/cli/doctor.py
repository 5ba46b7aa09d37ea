"""`warehouse doctor`: what works, what does not, and what to do about it."""

from __future__ import annotations

from typing import Literal

import typer

from warehouse.cli.output import JsonOption, out, print_json
from warehouse.core.databases import Databases
from warehouse.core.errors import SetupError, WarehouseError
from warehouse.core.finding import first_failed
from warehouse.core.settings import load
from warehouse.marts import examine_builds
from warehouse.observe import Check, Finding, examine
from warehouse.replicate import load_classification, status
from warehouse.replicate.catalog import relations
from warehouse.replicate.classification import compare
from warehouse.replicate.preflight.preflight import preflight

_MARKS = {"good": "[green]✓[/]", "note": "[yellow]•[/]", "broken": "[red]✗[/]"}


def doctor(json: bool = JsonOption) -> None:
    """Check this machine, the settings, both databases, replication, builds and deliveries.

    Exit code 13: something is broken.
    """
    databases = Databases(load())
    findings = [
        *examine(databases, _checks_of_the_stages(databases)),
        *_preflight(databases),
        *_builds(databases),
    ]
    broken = [finding for finding in findings if finding.state == "broken"]
    if json:
        print_json({"healthy": not broken, "findings": [vars(finding) for finding in findings]})
    else:
        for finding in findings:
            out.print(f"{_MARKS[finding.state]} {finding.subject:<22} ", end="")
            out.print(finding.what, markup=False)
            if finding.next_command:
                out.print(f"    Next: {finding.next_command}", markup=False)
        out.print(f"\n{_verdict(findings)}")
    if broken:
        raise typer.Exit(SetupError.exit_code)


def _verdict(findings: list[Finding]) -> str:
    broken = sum(finding.state == "broken" for finding in findings)
    if broken:
        return f"{broken} of {len(findings)} checks failed."
    # What tests warned of needs no command; a build that is missing or older than the data does.
    if any(finding.subject == "build" and finding.state == "note" and finding.next_command for finding in findings):
        return "Nothing is broken, but what readers see is older than today's data."
    return "All is well."


def _builds(databases: Databases) -> list[Finding]:
    """Whether readers see the last build, unaltered, and whether the data are newer."""
    try:
        with databases.warehouse() as connection:
            return [
                Finding("build", one.state, one.what, one.next_command)
                for one in examine_builds(connection, databases.today)
            ]
    except WarehouseError as error:
        return [Finding("build", "broken", error.what, error.next_command)]


_STATES: dict[str, Literal["good", "note", "broken"]] = {"ok": "good", "warning": "note", "failed": "broken"}


def _preflight(databases: Databases) -> list[Finding]:
    """Whether the two can be replicated between; one line when all is well, else what is not."""
    try:
        checks = preflight(databases)
    except WarehouseError as error:
        return [Finding("preflight", "broken", error.what, error.next_command)]
    told = [Finding(c.subject, _STATES[c.state], c.what, c.next_command) for c in checks if c.state != "ok"]
    good = len(checks) - len(told)
    return [*told, Finding("preflight", "good", f"{good} of {len(checks)} checks passed")]


def _checks_of_the_stages(databases: Databases) -> list[Check]:
    return [
        ("classification", lambda: _classification(databases)),
        ("replication", lambda: _replication(databases)),
        ("deliveries", lambda: _deliveries(databases)),
    ]


def _classification(databases: Databases) -> str:
    classification = load_classification()
    with databases.source() as trs:
        tables = relations.read_tables(trs, classification.schema_name)
    if not tables:
        return "the operational database is empty; `warehouse run` fills the sandbox"
    held = compare(classification, tables)
    columns = sum(map(len, classification.published.values()))
    return f"{len(classification.published)} tables, {columns} columns replicated" + (
        f"; not replicated, because not classified: {held}" if held else ""
    )


def _replication(databases: Databases) -> str:
    now = status(databases)
    broken = first_failed(now.reasons)
    if broken:
        raise broken.as_error(f"Replication is {now.state}.")
    return now.state + (f", {now.lag_bytes:,} bytes behind" if now.lag_bytes is not None else "")


def _deliveries(databases: Databases) -> str:
    from warehouse.deliver import examine_deliveries  # noqa: PLC0415 - the contract models take a while to import

    with databases.warehouse() as warehouse:
        return examine_deliveries(warehouse, databases.settings)
