"""`warehouse deliver` and `warehouse deliveries …`: what goes to whom, and what went."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from warehouse.cli import delivered, delivery_decisions, find_person
from warehouse.cli.delivery_decisions import IdArgument
from warehouse.cli.opening import at_warehouse, if_it_answers, ready
from warehouse.cli.output import JsonOption, TerminalProgress, out, print_json, print_table, size
from warehouse.cli.singled_out import show_singled_out
from warehouse.core.errors import WarehouseError
from warehouse.core.settings import near
from warehouse.deliver import (
    DeliveryReport,
    Difference,
    RowOfFile,
    State,
    decisions,
    deliver,
    difference,
    differing,
    dry_run,
    missed,
    recreate,
    register,
    show,
    verify,
    what_is_due,
    world_of,
)
from warehouse.jobs.history import history

app = typer.Typer(help="Deliveries: what was sent to whom, and what is due.", no_args_is_help=True)


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


@app.command("register")
def show_register(json: bool = JsonOption) -> None:
    """Show the sharing register: who gets what, why, under which agreement, how often, and what was last sent.

    docs/sharing-register.md has the same without what was sent. Without a warehouse that runs, so has this command.
    """
    with if_it_answers() as warehouse:
        entries = register.register(warehouse)
    if json:
        print_json(entries)
        return
    for entry in entries:
        print_table(
            f"{entry['recipient']}/{entry['extract']}: {entry['status']}, version {entry.get('version', 'none')}",
            ["", ""],
            list(register.lines(entry)),
        )
        out.print()
    if warehouse is None:
        out.print("What was last sent is not known: the warehouse does not run.")


@app.command("due")
def show_due(json: bool = JsonOption) -> None:
    """List what the next run would deliver."""
    owed = what_is_due(world_of(ready()))
    listed = [{"id": item.delivery_id, "action": item.doing, "state": item.state or "not begun"} for item in owed]
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
    counted = [one for one in shown["files"] if one["singled_out"] and one["attempt"] == shown["attempt"]]
    show_singled_out({one["name"].rsplit("/", maxsplit=1)[-1]: one["singled_out"] for one in counted})
    for title, columns in _PARTS.items():
        if shown[title]:
            out.print()
            print_table(
                title.replace("_", " "),
                [name.replace("_", " ") for name in columns],
                [tuple(_text(row[name]) for name in columns) for row in shown[title]],
            )


_PARTS = {
    "files": ["attempt", "name", "rows", "bytes", "sha256", "uploaded_at", "removed_at"],
    "taken_out": ["by", "name", "held", "old_sha256", "new_sha256"],
    "steps": ["at", "attempt", "from", "to"],
    "decisions": ["at", "decision", "because", "by", "rules"],
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

    Nothing is changed. A file that an erasure or a changed rule rewrote has to be what the last of them left. Exit code
    80: a file is another one, is not there, or has again what was taken out of it.
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
    header = ["file", "now", "SHA-256 as sent", *(["as rewritten"] if any(one.sha256_left for one in found) else [])]
    print_table(None, header, [(one.name, one.in_words, one.sha256, one.sha256_left)[: len(header)] for one in found])
    if failure:
        raise failure


@app.command("diff")
def diff_deliveries(
    before: Annotated[str, typer.Argument(metavar="A", help="The earlier one, such as tad/teachers/2026-08.")],
    after: Annotated[str, typer.Argument(metavar="B", help="The later one, such as tad/teachers/2026-09.")],
    json: bool = JsonOption,
) -> None:
    """Compare two deliveries of one contract by its key: rows added, removed and changed, and in which columns.

    Both are read back from where they were sent. No value is shown; keys only where every column of the key is open,
    otherwise rows have their numbers in each file. Exit code 86: a file cannot be read there any more.
    """
    progress = TerminalProgress(quiet=json)
    with progress.stage("diff"), at_warehouse() as (databases, warehouse):
        found = difference(world_of(databases), warehouse, before, after, progress)
    if json:
        print_json(found.as_dict())
        return
    for one in found.tables or [found]:
        _print_difference(one)
    for delivery, by in ((found.before, found.taken_out_before), (found.after, found.taken_out_after)):
        if by:
            out.print(f"{delivery} is compared as it is now, not as it was sent: {by} took something out of it.")


def _print_difference(found: Difference) -> None:
    if found.table:
        out.print(f"\n{found.table}")
    print_table(
        None,
        ["", found.before, found.after],
        [
            ("contract version", found.contract_version_before, found.contract_version_after),
            ("rows", found.rows_before, found.rows_after),
            ("columns that the other has not", _names(found.only_before), _names(found.only_after)),
        ],
    )
    out.print()
    out.print(
        f"By {', '.join(found.key)}: {found.added:,} added, {found.removed:,} removed, {found.changed:,} changed."
    )
    if found.changed_columns:
        print_table(None, ["column", "rows in which it changed"], [*found.changed_columns.items()])
    differing_rows = [
        *(("added", row) for row in found.first_added),
        *(("removed", row) for row in found.first_removed),
        *(("changed", row) for row in found.first_changed),
    ]
    if differing_rows:
        out.print()
        print_table(
            "The first rows of each",
            ["what", "key", "row before", "row after"],
            [
                (what, _names(map(str, row.key)) if row.key else None, _place(row.before), _place(row.after))
                for what, row in differing_rows
            ],
        )


def _names(names: Iterable[str]) -> str | None:
    return ", ".join(names) or None


def _place(row: RowOfFile | None) -> str | None:
    return f"{row.file} row {row.row:,}" if row else None


@app.command("recreate")
def recreate_delivery(
    delivery: Annotated[str, IdArgument],
    to: Annotated[
        Path | None, typer.Option("--to", help="A folder for the files. Without it they are thrown away afterwards.")
    ] = None,
    other_models: Annotated[
        bool, typer.Option("--other-models", help="Even though the models are not those of then.")
    ] = False,
    json: bool = JsonOption,
) -> None:
    """Make the files of a closed delivery again from history, and compare their SHA-256 with the ledger.

    As at the same day, and as known at the moment that its build knew. Nothing is sent, and the delivery in the ledger
    stays as it is. Exit code 74: history does not reach so far. 87: the contract, the models or a rule are others than
    then. 88: a person was erased from it since. 89: it is not what was sent.
    """
    progress = TerminalProgress(quiet=json)
    with (
        progress.stage("recreate"),
        at_warehouse() as (databases, warehouse),
        history(databases, warehouse, progress) as then,
    ):
        again = recreate(world_of(databases), then, progress, delivery, to=to, other_models=other_models)
    if json:
        print_json(again.as_dict())
        return
    header = ["file", "rows", "SHA-256 as sent", "as made now"]
    listed = [
        (one.name, one.made and one.made.rows, one.sent and one.sent.sha256, one.made and one.made.sha256)
        for one in again.files
    ]
    print_table(None, header, listed)
    out.print(f"{again.verdict} As at {again.as_at}, known up to {again.known_up_to:%Y-%m-%d %H:%M}.")
    if again.folder:
        out.print(f"The files are in {again.folder}. They hold personal data, and an erasure does not look there.")


@app.command("dry-run")
def dry_run_of_contract(
    contract: Annotated[str, typer.Argument(metavar="CONTRACT", help="Such as tad/teachers.")],
    period: Annotated[
        str | None, typer.Option(help="Such as 2026-09-30. The last one before the build's day, if none.")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the files in the outbox. They hold personal data: delete them.")
    ] = False,
    json: bool = JsonOption,
) -> None:
    """Make the files of a contract from the published build and check them, without sending them anywhere.

    It needs no destination, and writes no delivery down. For whoever writes an extract. The gate's report names rules
    and rows of the file, never values. Exit code 31: a rule does not hold; 85: only the number of rows is not as usual.
    """
    world = world_of(ready())
    progress = TerminalProgress(quiet=json)
    with progress.stage("dry run"):
        made = dry_run(world, progress, contract, period=period, keep=keep)
    if json:
        print_json(made.as_dict())
        if made.failure:
            raise typer.Exit(made.failure.exit_code)
        return
    print_table(
        None, ["file", "rows", "size", "SHA-256"], [(f.name, f.rows, size(f.bytes), f.sha256) for f in made.files]
    )
    out.print(f"Made from build {made.build_id} as at {made.as_at}. Nothing was sent.")
    show_singled_out(made.singled_out)
    if made.rows_set_aside:
        out.print(f"{made.rows_set_aside:,} rows do not fit the layout, and are not in it.")
    if made.compared_with is None:
        out.print("There is no earlier delivery to compare the number of rows with.")
    out.print(f"The files are in {near(made.folder)}: delete them." if made.folder else "The files were thrown away.")
    if made.failure:
        print_table(
            None,
            ["rule that does not hold", "columns", "rows", "the first of them"],
            [*map(_broken, made.failure.rules)],
        )
        raise made.failure


def _broken(rule: dict[str, Any]) -> tuple[Any, ...]:
    numbers = ", ".join(f"{one['row']:,}" for one in rule["first_rows"])
    return (rule["rule"], ", ".join(rule["columns"]), rule["rows"], numbers or rule["detail"] or None)


def deliver_now(
    due: Annotated[
        bool, typer.Option("--due", help="Also, and first, the months that no run came for: from history.")
    ] = False,
    json: bool = JsonOption,
) -> None:
    """Deliver what is due from the last published build, without replicating or building first.

    With --due everything that is owed is delivered in order: a month that no run came for is built as it was known when
    it was due. Any scheduler may call it at any time, several at once: the second one ends with exit code 40.

    Exit code 34: the build does not cover the period. Exit code 36: months passed of which history does not reach.
    """
    progress = TerminalProgress(quiet=json)
    reports: list[DeliveryReport] = []
    failure: WarehouseError | None = None
    with progress.stage("deliver"):
        try:
            if due:
                with at_warehouse() as (databases, warehouse), history(databases, warehouse, progress) as then:
                    deliver(world_of(databases), progress, history=then, on_report=reports.append)
            else:
                deliver(world_of(ready()), progress, on_report=reports.append)
        except WarehouseError as error:
            if not reports:  # nothing was begun
                raise
            failure = error
    failure = failure or missed(reports)
    if json:
        print_json(delivered.as_json(reports, failure) if failure else [report.as_dict() for report in reports])
        if failure:
            raise typer.Exit(failure.exit_code)
        return
    delivered.print_each(reports)
    if not reports:
        out.print("Nothing is due.")
    if failure:
        raise failure


app.command("find-person")(find_person.find)
app.command("redo")(delivery_decisions.redo_delivery)
app.command("received")(delivery_decisions.received)
app.command("resend")(delivery_decisions.resend)
app.command("release")(delivery_decisions.release_delivery)
