"""`warehouse build …`: the build stage of a run, and vintages: builds of what was known at an earlier moment."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from warehouse.cli.opening import at_warehouse
from warehouse.cli.output import JsonOption, TerminalProgress, out, print_json, print_table, styled
from warehouse.core.errors import UsageError
from warehouse.jobs import building
from warehouse.marts import vintages
from warehouse.marts.differences import Difference, differences
from warehouse.marts.vintages import CURRENT, VintageReport

app = typer.Typer(help="Build and test the models; vintages: all of them as known at an earlier moment.")

_LONDON = ZoneInfo("Europe/London")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_BUILD = re.compile(r"build-(\d{1,9})\Z")
_NAMED = Annotated[str, typer.Argument(help="The name that the vintage was given.")]
_COMPARED = Annotated[str, typer.Argument(help=f"A vintage, or `{CURRENT}` for the published build.")]


@app.callback(invoke_without_command=True)
def build(
    context: typer.Context,
    as_known_at: Annotated[
        str | None,
        typer.Option(
            help="The moment, with its zone, such as 2026-10-01T09:00:00Z; a day: its end in London; or build-1: what"
            " that build knew, as at its business date."
        ),
    ] = None,
    as_at: Annotated[
        str | None,
        typer.Option(help="The business date, such as 2026-09-30. Without it, the day of the moment, or the build's."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="What the vintage is called: the beginning of its schemas.")] = None,
    json: bool = JsonOption,
) -> None:
    """Build, test and publish what is known now, as `warehouse run` does; or keep a vintage under schemas of its own.

    With --as-known-at and --name every model is built from the rows as the warehouse knew them at that moment, in
    schemas such as vintage_2026_09_marts. The published marts are not touched.
    """
    if context.invoked_subcommand:
        return
    progress = TerminalProgress(quiet=json)
    if as_known_at is None and as_at is None and name is None:
        with at_warehouse() as (databases, warehouse):
            done = building.build_now(databases, warehouse, progress)
        if json:
            print_json({"build_id": done.build_id, "built": done.built, "stage": done.stage})
        else:
            progress.done(styled("✓", "green"), f" {', '.join(done.stage.notes)}  ", f"{done.stage.seconds:.1f} s")
        return
    if as_known_at is None or name is None:
        raise UsageError(
            "A vintage needs a moment and a name: --as-known-at and --name.",
            meaning="Nothing was built.",
            next_command="warehouse build --as-known-at 2026-10-01T09:00:00Z --as-at 2026-09-30 --name vintage_2026_09",
        )
    build_of = _BUILD.match(as_known_at)
    moment = None if build_of else _moment(as_known_at)
    day = _day(as_at) if as_at else None
    with at_warehouse() as (databases, warehouse):
        if moment is None and build_of:
            moment, of_build = vintages.of_build(warehouse, int(build_of[1]))
            day = day or of_build
        assert moment is not None
        day = day or moment.astimezone(_LONDON).date()
        made = building.build_then(databases, warehouse, name, moment, day, progress)
    if json:
        print_json(made.vintage.as_dict() | {"tables_not_known_yet": made.later, "seconds": made.stage.seconds})
    else:
        _print_made(made, progress)


@app.command("list")
def list_vintages(json: bool = JsonOption) -> None:
    """List the vintages: the moment as known at which each was built, its business date, and its state."""
    with at_warehouse() as (_, warehouse):
        found = vintages.listed(warehouse)
    if json:
        print_json([one.as_dict() for one in found])
    elif not found:
        out.print("There is no vintage. `warehouse build --as-known-at MOMENT --as-at DAY --name NAME` makes one.")
    else:
        rows = [
            (one.name, one.state, f"{one.known_at:%Y-%m-%d %H:%M:%S %Z}", str(one.as_at), one.mart_rows or 0)
            for one in found
        ]
        print_table(None, ["vintage", "state", "as known at", "as at", "rows of marts"], rows)


@app.command("show")
def show_vintage(name: _NAMED, json: bool = JsonOption) -> None:
    """Show one vintage: its moment, its day, the gaps that were open then, and its schemas."""
    with at_warehouse() as (_, warehouse):
        found = vintages.find(warehouse, name)
    if json:
        print_json(found.as_dict())
    else:
        print_table(
            None, ["what", "value"], [(key.replace("_", " "), _said(value)) for key, value in found.as_dict().items()]
        )


@app.command("diff")
def diff(a: _COMPARED, b: _COMPARED, json: bool = JsonOption) -> None:
    """Count, for each mart and extract, the rows and the columns that differ between two builds. No value is shown."""
    with at_warehouse() as (_, warehouse):
        found = differences(warehouse, a, b)
    if json:
        print_json({"a": a, "b": b, "tables": [one.as_dict() for one in found if one]})
        return
    differing = [one for one in found if one]
    if differing:
        header = ["table", f"rows only in {a}", f"rows only in {b}", "rows changed", "columns that differ"]
        print_table(None, header, [_row(one) for one in differing])
    out.print(f"{len(differing)} of {len(found)} marts and extracts differ.")


@app.command("drop")
def drop_vintage(name: _NAMED, json: bool = JsonOption) -> None:
    """Drop a vintage with everything in it. The published build is not touched."""
    with at_warehouse() as (_, warehouse):
        dropped = building.drop(warehouse, name)
    if json:
        print_json({"dropped": dropped.name, "schemas": dropped.schemas})
    else:
        out.print(f"Dropped the vintage {dropped.name}: {', '.join(dropped.schemas) or 'it had no schema yet'}.")


def _print_made(made: VintageReport, progress: TerminalProgress) -> None:
    one = made.vintage
    progress.done(
        styled("✓", "green"),
        f" {one.name}: as known at {one.known_at.isoformat()}, as at {one.as_at:%d %B %Y}, ",
        f"in {', '.join(one.schemas)}  ",
        styled(f"{made.stage.seconds:.1f} s", "dim"),
    )
    if made.later:
        out.print(f"Of these tables the warehouse knew nothing yet: {', '.join(made.later)}.")
    if one.open_gaps:
        out.print(f"{one.open_gaps} gaps of the stream were not repaired at that moment.")


def _row(one: Difference) -> tuple[str, str, str, str, str]:
    if one.only_in:
        return (one.table, "", "", "", f"only {one.only_in} has it")
    counted = [f"{column} ({count:,})" for column, count in one.columns.items()]
    lone = [f"{column} (only in one)" for column in [*one.columns_only_a, *one.columns_only_b]]
    return (
        one.table, f"{one.rows_only_a:,}", f"{one.rows_only_b:,}", f"{one.changed:,}", ", ".join([*counted, *lone]),
    )  # fmt: skip


def _said(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _moment(given: str) -> datetime:
    """A moment as the macros of history take it: with its zone, or a day, which means its end in London."""
    if _DAY.match(given):
        return datetime.combine(_day(given), time.max, _LONDON)
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise UsageError(
            f"{given!r} is not a moment with its zone.",
            meaning="Without a zone it would mean something else on every machine. Nothing was built.",
            next_command="Write it as 2026-10-01T09:00:00Z, or as a day, 2026-10-01: its end in London.",
        )
    return moment


def _day(given: str) -> date:
    try:
        return date.fromisoformat(given if _DAY.match(given) else "")
    except ValueError:
        raise UsageError(
            f"{given!r} is not a day.", meaning="Nothing was built.", next_command="Write it as 2026-09-30."
        ) from None
