"""`warehouse deliver` and `warehouse deliveries …`: what goes to whom, and what went."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

import typer

from warehouse.cli.opening import at_warehouse, ready
from warehouse.cli.output import JsonOption, TerminalProgress, out, print_json, print_table, size
from warehouse.core.errors import DeliveryError, WarehouseError
from warehouse.core.settings import near
from warehouse.deliver import (
    DeliveryReport,
    State,
    decide,
    decisions,
    deliver,
    differing,
    missed,
    redo,
    show,
    verify,
    what_is_due,
    world_of,
)

app = typer.Typer(help="Deliveries: what was sent to whom, and what is due.", no_args_is_help=True)

BecauseOption = typer.Option("--because", help="Why, in a few words. The ledger keeps it for good: name no person.")
IdArgument = typer.Argument(help="For example tad/teachers/2026-09; `warehouse deliveries list` shows them.")


@app.command("list")
def list_deliveries(json: bool = JsonOption) -> None:
    """List every delivery, with its state, its build and what a person decided about it."""
    with at_warehouse() as (_, warehouse):
        listed = decisions.listed(warehouse)
    if json:
        print_json(listed)
    elif not listed:
        out.print("Nothing has been delivered yet. `warehouse run` delivers what is due.")
    else:
        print_table(
            None,
            ["delivery", "state", "rows", "size", "as at", "where, or why not", "closed"],
            [_line(item) for item in listed],
        )
        for item in listed:
            if item["state"] == State.VANISHED:
                out.print()
                out.print(f"{item['id']} waits for a decision. {item['next']}")


def _line(item: dict[str, Any]) -> tuple[Any, ...]:
    place = near(item["where"]) if item["where"] else None
    closed = f"{item['closed_at']:%Y-%m-%d %H:%M}" if item["closed_at"] else None
    return (item["id"], item["state"], item["rows"], size(item["bytes"]), item["as_at"], item["error"] or place, closed)


@app.command("due")
def show_due(json: bool = JsonOption) -> None:
    """List what the next run would deliver."""
    owed = what_is_due(world_of(ready()))
    listed = [{"id": item.delivery_id, "action": item.action, "state": item.state or "not begun"} for item in owed]
    if json:
        print_json(listed)
    elif not listed:
        out.print("Nothing is due.")
    else:
        print_table(None, ["delivery", "what a run would do", "state"], [tuple(item.values()) for item in listed])


@app.command("show")
def show_delivery(delivery: Annotated[str, IdArgument], json: bool = JsonOption) -> None:
    """Show all that is on record of one delivery: what it rests on, its files, its steps, and what a person decided."""
    with at_warehouse() as (_, warehouse):
        shown = show(warehouse, delivery)
    if json:
        print_json(shown)
        return
    facts = {name: value for name, value in shown.items() if not isinstance(value, list) and value is not None}
    print_table(None, ["", ""], [(name.replace("_", " "), _text(value)) for name, value in facts.items()])
    for title, columns in _PARTS.items():
        if shown[title]:
            out.print()
            print_table(
                title,
                [name.replace("_", " ") for name in columns],
                [tuple(_text(row[name]) for name in columns) for row in shown[title]],
            )


_PARTS = {
    "files": ["attempt", "name", "rows", "bytes", "sha256", "uploaded_at", "removed_at"],
    "steps": ["at", "attempt", "from", "to"],
    "decisions": ["at", "decision", "because", "by"],
}


def _text(value: Any) -> Any:
    return f"{value:%Y-%m-%d %H:%M:%S %Z}" if isinstance(value, datetime) else value


@app.command("verify")
def verify_deliveries(
    deliveries: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="All that are closed, if none.")
    ] = None,
    json: bool = JsonOption,
) -> None:
    """Read the files of closed deliveries back from where they were sent, and compare them with the ledger.

    Nothing is changed. Exit code 80: a file is another one than was sent, or is not there.
    """
    progress = TerminalProgress(quiet=json)
    found = []
    with progress.stage("verify"), at_warehouse() as (databases, warehouse):
        for one in verify(world_of(databases), warehouse, deliveries or []):
            found.append(one)
            progress.count("files", len(found), None)
    failure = differing(found)
    if json:
        told_as = [asdict(one) for one in found]
        print_json(told_as if failure is None else failure.as_dict() | {"files": told_as})
        if failure:
            raise typer.Exit(failure.exit_code)
        return
    if not found:
        out.print("Nothing has been delivered yet. `warehouse run` delivers what is due.")
        return
    print_table(None, ["file", "now", "SHA-256 as sent"], [(one.name, one.found, one.sha256) for one in found])
    if failure:
        raise failure


@app.command("redo")
def redo_delivery(
    delivery: Annotated[str, IdArgument], because: Annotated[str, BecauseOption], json: bool = JsonOption
) -> None:
    """Deliver a closed delivery again, as a numbered revision such as tad/teachers/2026-09-r2.

    The revision's manifest says which delivery it replaces; the ledger keeps both, and the reason. It is made from the
    published build, so it is possible for the latest month only: today's rows are
    never sent under the name of an earlier one.
    """
    reason = decisions.checked_reason(because)
    world = world_of(ready())
    progress = TerminalProgress(quiet=json)
    with progress.stage("deliver"):
        report = redo(world, progress, delivery, reason)
    if json:
        print_json(report.as_dict())
    else:
        out.print(f"{report}{report.rests_on}")


@app.command("received")
def received(
    delivery: Annotated[str, IdArgument], because: Annotated[str, BecauseOption], json: bool = JsonOption
) -> None:
    """Record that the recipient has the files that vanished: write the manifest and close the delivery."""
    _decide(delivery, "received", because, json)


@app.command("resend")
def resend(
    delivery: Annotated[str, IdArgument], because: Annotated[str, BecauseOption], json: bool = JsonOption
) -> None:
    """Record that the recipient does not have the files that vanished: the next run sends them again."""
    _decide(delivery, "resend", because, json)


def _decide(delivery: str, decision: Literal["received", "resend"], because: str, json: bool) -> None:
    reason = decisions.checked_reason(because)
    state = decide(world_of(ready()), TerminalProgress(quiet=json), delivery, decision, reason)
    if json:
        print_json({"id": delivery, "state": state})
    elif state == State.CLOSED:
        out.print(f"{delivery} is closed: its manifest was written.")
    else:
        out.print(f"{delivery} will be sent again by the next run, or by `warehouse deliver`.")


def deliver_now(json: bool = JsonOption) -> None:
    """Deliver what is due from the last published build, without replicating or building first.

    Exit code 34: the build does not cover the period. Exit code 36: periods passed without a delivery.
    """
    world = world_of(ready())
    progress = TerminalProgress(quiet=json)
    reports: list[DeliveryReport] = []
    failure: WarehouseError | None = None
    with progress.stage("deliver"):
        try:
            deliver(world, progress, on_report=reports.append)
        except DeliveryError as error:
            failure = error
    failure = failure or missed(reports)
    if json:
        told_as = [report.as_dict() for report in reports]
        print_json(told_as if failure is None else failure.as_dict() | {"deliveries": told_as})
        if failure:
            raise typer.Exit(failure.exit_code)
        return
    for report in reports:
        if report.error is None:
            out.print(f"{report}{report.rests_on}")
    if not reports:
        out.print("Nothing is due.")
    if failure:
        raise failure
