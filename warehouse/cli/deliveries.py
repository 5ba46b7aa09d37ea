"""`warehouse deliver` and `warehouse deliveries …`: what goes to whom, and what went."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Annotated, Any, Literal

import typer

from warehouse.cli.output import JsonOption, TerminalProgress, near, out, print_json, print_table, size
from warehouse.core.databases import Databases
from warehouse.core.errors import DeliveryError, PeriodsMissed, UsageError, WarehouseError
from warehouse.core.settings import load
from warehouse.deliver import DeliveryReport, State, World, decide, deliver, redo, what_is_due

app = typer.Typer(help="Deliveries: what was sent to whom, and what is due.", no_args_is_help=True)

_WHO = re.compile(r"\b\d{7}\b|@|\b[A-Z]{2} ?(?:\d{2} ?){3}[A-D]\b|\b[0-9a-f]{8}-[0-9a-f]{4}-", re.IGNORECASE)
"""A TRN, an e-mail address, a National Insurance number, a person_id."""

BecauseOption = typer.Option("--because", help="Why, in a few words. The ledger keeps it for good: name no person.")
IdArgument = typer.Argument(help="For example tad/teachers/2026-09; `warehouse deliveries list` shows them.")

_LISTED = """
select
    d.delivery_id, d.state, d.attempt, d.rows, d.bytes, d.destination || '/' || d.delivery_id, d.build_id, d.as_at,
    d.known_at, d.replaces, x.decision, x.because, d.closed_at, d.error ->> 'what', d.error ->> 'next'
from ledger.deliveries as d
left join lateral (
    select decision, because from ledger.delivery_decisions
    where delivery_id = d.delivery_id order by decision_id desc limit 1
) as x on true
order by d.delivery_id
"""
_NAMES = (
    "id",
    "state",
    "attempt",
    "rows",
    "bytes",
    "where",
    "build_id",
    "as_at",
    "known_up_to",
    "replaces",
    "decision",
    "because",
    "closed_at",
    "error",
    "next",
)


def world_of(databases: Databases) -> World:
    """Where and when deliveries are made; the ledger is brought up to date."""
    with databases.warehouse() as warehouse:
        databases.migrate(warehouse)
    return World(
        databases.warehouse_conninfo,
        databases.settings,
        databases.today(),
        databases.calendar(),
        by_the_clock=not databases.source_is_embedded,
        synthetic=databases.source_is_embedded,
    )


@app.command("list")
def list_deliveries(json: bool = JsonOption) -> None:
    """List every delivery, with its state, its build and what a person decided about it."""
    databases = Databases(load())
    databases.start()
    with databases.warehouse() as warehouse:
        databases.migrate(warehouse)
        listed = [dict(zip(_NAMES, row, strict=True)) for row in warehouse.execute(_LISTED)]
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
                out.print(f"\n{item['id']} waits for a decision. {item['next']}")


def _line(item: dict[str, Any]) -> tuple[Any, ...]:
    place = near(item["where"]) if item["where"] else None
    closed = f"{item['closed_at']:%Y-%m-%d %H:%M}" if item["closed_at"] else None
    return (item["id"], item["state"], item["rows"], size(item["bytes"]), item["as_at"], item["error"] or place, closed)


@app.command("due")
def show_due(json: bool = JsonOption) -> None:
    """List what the next run would deliver."""
    databases = Databases(load())
    databases.start()
    owed = what_is_due(world_of(databases))
    listed = [{"id": item.delivery_id, "action": item.action, "state": item.state or "not begun"} for item in owed]
    if json:
        print_json(listed)
    elif not listed:
        out.print("Nothing is due.")
    else:
        print_table(None, ["delivery", "what a run would do", "state"], [tuple(item.values()) for item in listed])


@app.command("redo")
def redo_delivery(
    delivery: Annotated[str, IdArgument], because: Annotated[str, BecauseOption], json: bool = JsonOption
) -> None:
    """Deliver a closed delivery again, as a numbered revision such as tad/teachers/2026-09-r2.

    The revision's manifest says which delivery it replaces; the ledger keeps both, and the reason. It is made from the
    published build, so it is possible for the latest month only: today's rows are
    never sent under the name of an earlier one.
    """
    databases = Databases(load())
    reason = checked_reason(because)
    databases.start()
    progress = TerminalProgress(quiet=json)
    with progress.stage("deliver"):
        report = redo(world_of(databases), progress, delivery, reason)
    if json:
        print_json(report_as_dict(report))
    else:
        out.print(told(report) + rests_on(report))


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
    databases = Databases(load())
    reason = checked_reason(because)
    databases.start()
    state = decide(world_of(databases), TerminalProgress(quiet=json), delivery, decision, reason)
    if json:
        print_json({"id": delivery, "state": state})
    elif state == State.CLOSED:
        out.print(f"{delivery} is closed: its manifest was written.")
    else:
        out.print(f"{delivery} will be sent again by the next run, or by `warehouse deliver`.")


def checked_reason(because: str) -> str:
    """A reason that a person gave, which the ledger keeps for good.

    Raises:
        UsageError: it is empty, or holds what looks like somebody's number or address.
    """
    reason = " ".join(because.split())
    problem = (
        "is empty" if not reason else "holds what looks like a person's identifier" if _WHO.search(reason) else None
    )
    if problem:
        raise UsageError(
            f"The reason {problem}.",
            meaning="Nothing was sent and nothing was changed. The ledger keeps the reason for good.",
            next_command='Give it in a few words that name nobody: --because "…"',
        )
    return reason


def deliver_now(json: bool = JsonOption) -> None:
    """Deliver what is due from the last published build, without replicating or building first.

    Exit code 34: the build does not cover the period. Exit code 36: periods passed without a delivery.
    """
    databases = Databases(load())
    databases.start()
    progress = TerminalProgress(quiet=json)
    reports: list[DeliveryReport] = []
    failure: WarehouseError | None = None
    with progress.stage("deliver"):
        try:
            deliver(world_of(databases), progress, on_report=reports.append)
        except DeliveryError as error:
            failure = error
    failure = failure or missed(reports)
    if json:
        told_as = [report_as_dict(report) for report in reports]
        print_json(told_as if failure is None else failure.as_dict() | {"deliveries": told_as})
        if failure:
            raise typer.Exit(failure.exit_code)
        return
    for report in reports:
        if report.error is None:
            out.print(told(report) + rests_on(report))
    if not reports:
        out.print("Nothing is due.")
    if failure:
        raise failure


def missed(reports: Iterable[DeliveryReport]) -> PeriodsMissed | None:
    """The error that tells of periods that went by; None when there were none."""
    names = [report.delivery_id for report in reports if report.state == State.MISSED]
    if not names:
        return None
    return PeriodsMissed(
        f"{', '.join(names)} will not be delivered: there was no run while the period was the latest.",
        meaning="Everything else was done. Today's rows are never sent under the name of an earlier month.",
        next_command="Inform the recipient, and schedule `warehouse run` at least once a month.",
    )


def told(report: DeliveryReport) -> str:
    """A delivery in a few words."""
    if report.state == State.MISSED:
        return f"{report.delivery_id} (missed: there was no run while its period was the latest)"
    return f"{report.delivery_id} ({report.rows:,} rows)"


def rests_on(report: DeliveryReport) -> str:
    """What a delivery rests on."""
    known = f", known up to {report.known_up_to:%Y-%m-%d %H:%M}" if report.known_up_to else ""
    return f", from build {report.build_id} as at {report.as_at}{known}" if report.build_id else ""


def place(report: DeliveryReport) -> str:
    """Where a delivery is."""
    return f"{near(report.where)}/{report.delivery_id}"


def report_as_dict(report: DeliveryReport) -> dict[str, Any]:
    """A report as `--json` prints it."""
    where = f"{report.where}/{report.delivery_id}" if report.where else None
    return asdict(replace(report, error=None)) | {
        "where": where,
        "error": report.error.as_dict() if report.error else None,
    }
