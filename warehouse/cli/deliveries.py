"""`warehouse deliver` and `warehouse deliveries …`: what goes to whom, and what went."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import typer

from warehouse.cli.output import JsonOption, TerminalProgress, near, out, print_json, print_table, size
from warehouse.core.databases import Databases
from warehouse.core.errors import BuildFailed
from warehouse.core.settings import load
from warehouse.deliver import DeliveryReport, State, deliver, what_is_due

app = typer.Typer(help="What was delivered to whom, and what is owed.", no_args_is_help=True)

_LISTED = """
select
    delivery_id, state, attempt, rows, bytes, destination || '/' || delivery_id, build_id, closed_at, error ->> 'what'
from ledger.deliveries order by delivery_id
"""
_NAMES = ("id", "state", "attempt", "rows", "bytes", "where", "build_id", "closed_at", "error")


@app.command("list")
def list_deliveries(json: bool = JsonOption) -> None:
    """Every delivery in the ledger, with its state."""
    databases = Databases(load())
    databases.start()
    with databases.warehouse() as warehouse:
        databases.migrate(warehouse)
        listed = [dict(zip(_NAMES, row, strict=True)) for row in warehouse.execute(_LISTED)]
    if json:
        print_json(listed)
    elif not listed:
        out.print("Nothing was delivered yet. `warehouse run` delivers what is due.")
    else:
        print_table(
            None, ["delivery", "state", "rows", "size", "where, or why not", "closed"], [_line(item) for item in listed]
        )


def _line(item: dict[str, Any]) -> tuple[Any, ...]:
    place = near(item["where"]) if item["where"] else None
    closed = f"{item['closed_at']:%Y-%m-%d %H:%M}" if item["closed_at"] else None
    return (item["id"], item["state"], item["rows"], size(item["bytes"]), item["error"] or place, closed)


@app.command("due")
def show_due(json: bool = JsonOption) -> None:
    """What the next run would deliver."""
    databases = Databases(load())
    databases.start()
    owed = what_is_due(databases.warehouse_conninfo, databases.today())
    listed = [{"id": item.delivery_id, "action": item.action, "state": item.state or "not begun"} for item in owed]
    if json:
        print_json(listed)
    elif not listed:
        out.print("Nothing is due.")
    else:
        print_table(None, ["delivery", "what a run would do", "state"], [tuple(item.values()) for item in listed])


def deliver_now(json: bool = JsonOption) -> None:
    """Deliver what is due from the last published build, without replicating or building first."""
    databases = Databases(load())
    databases.start()
    progress = TerminalProgress(quiet=json)
    with databases.warehouse() as warehouse:
        databases.migrate(warehouse)
        build = warehouse.execute(
            "select build_id from ledger.builds where state = 'published' order by build_id desc limit 1"
        ).fetchone()
    if build is None:
        raise BuildFailed(
            "There is no build to deliver from.",
            meaning="Nothing was delivered.",
            next_command="warehouse run",
        )
    with progress.stage("deliver"):
        reports = deliver(
            databases.warehouse_conninfo, databases.settings, databases.today(), progress, build_id=int(build[0])
        )
    if json:
        print_json([report_as_dict(report) for report in reports])
    else:
        for report in reports:
            out.print(told(report))
        if not reports:
            out.print("Nothing is due.")


def told(report: DeliveryReport) -> str:
    """A delivery in a few words."""
    if report.state == State.MISSED:
        return f"{report.delivery_id} (missed: no run came while its period was the latest)"
    return f"{report.delivery_id} ({report.rows:,} rows)"


def place(report: DeliveryReport) -> str:
    """Where a delivery is."""
    return f"{near(report.where)}/{report.delivery_id}"


def report_as_dict(report: DeliveryReport) -> dict[str, Any]:
    """A report as `--json` prints it."""
    return asdict(replace(report, error=None)) | {"where": f"{report.where}/{report.delivery_id}"}
