"""`warehouse run`: the main job, from the operational database to verified deliveries."""

from __future__ import annotations

import json as json_
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import psycopg
import typer
from rich.markup import escape

from warehouse.cli.deliveries import missed, place, report_as_dict, told, world_of
from warehouse.cli.output import JsonOption, TerminalProgress, as_json, out, print_json, print_table
from warehouse.cli.replicate.run import new_columns_held
from warehouse.core.database import session_lock
from warehouse.core.databases import Databases
from warehouse.core.errors import AlreadyRunning, MeaningChanged, WarehouseError
from warehouse.core.progress import StageReport, timed
from warehouse.core.settings import load
from warehouse.deliver import DeliveryReport, State, deliver
from warehouse.marts import BuildReport, build
from warehouse.replicate import NewColumns, replicate

LOCK = "warehouse run"


@dataclass
class Run:
    """What a run did, for the summary and for the ledger."""

    run_id: int = 0
    stages: list[StageReport] = field(default_factory=list)
    deliveries: list[DeliveryReport] = field(default_factory=list)
    held: NewColumns | None = None
    built: BuildReport | None = None


def run(json: bool = JsonOption) -> None:
    """Replicate, build and test the models, and deliver what is due. Run at any time: it does only what is needed."""
    databases = Databases(load())
    databases.settings.check_destinations()
    progress = TerminalProgress(quiet=json)
    done = Run()
    started = databases.start()
    if started:
        progress.done(f"Started the embedded databases: {', '.join(started)} (`warehouse down` stops them)")
    with databases.warehouse() as connection, _only_run(connection):
        databases.migrate(connection)
        with _in_the_ledger(connection, done):
            _stages(databases, progress, done)
    if json:
        print_json(_as_json(done))
    else:
        _print_summary(done)
    if went_by := missed(done.deliveries):
        if json:
            raise typer.Exit(went_by.exit_code)
        raise went_by
    if done.held:
        raise done.held.first or new_columns_held(str(done.held))


def _stages(databases: Databases, progress: TerminalProgress, done: Run) -> None:
    if databases.source_is_embedded:
        with progress.stage("sandbox"), timed("sandbox") as report:
            made = databases.embedded_source().ensure(databases.source_conninfo, databases.settings, progress)
        if made:
            report.rows_out = sum(made.values())
            report.where = ["the embedded operational database"]
            _finished(progress, done, report, f"{report.rows_out:,} rows of a synthetic operational database")
        else:
            today = databases.today()
            progress.done(f"[green]✓[/] sandbox    it is {today:%d %B %Y} in the synthetic operational database")
    with progress.stage("replicate"):
        report, done.held = replicate(databases, progress)
    _finished(progress, done, report, ", ".join([*report.where, *report.notes]))
    if done.held and isinstance(done.held.first, MeaningChanged):
        # Rows of a table may be another's: nothing is built from them or sent.
        raise done.held.first

    today = databases.today()
    with progress.stage("build"):
        built = build(databases, today, progress)
    done.built = built
    _finished(progress, done, built.stage, ", ".join(built.stage.notes))
    for finding in built.findings:
        progress.done(f"  [yellow]•[/] {escape(str(finding))}")

    with progress.stage("deliver"), timed("deliver") as report:
        # As each is known, so that the ledger and the summary have what was delivered before one failed.
        deliver(world_of(databases), progress, on_report=done.deliveries.append)
    closed = [delivery for delivery in done.deliveries if delivery.state == State.CLOSED]
    report.rows_in = report.rows_out = sum(delivery.rows for delivery in closed)
    report.rejected = 0
    report.where = [place(delivery) for delivery in closed]
    report.notes = [told(delivery) for delivery in done.deliveries] or ["nothing is due"]
    _finished(progress, done, report, ", ".join(report.notes))


def _finished(progress: TerminalProgress, done: Run, report: StageReport, text: str) -> None:
    done.stages.append(report)
    progress.done(f"[green]✓[/] {report.stage:<10} {text}  [dim]{report.seconds:.1f} s[/]")


@contextmanager
def _only_run(connection: psycopg.Connection) -> Iterator[None]:
    """One run at a time on a warehouse; the second one says so and leaves.

    Raises:
        AlreadyRunning: another run holds the lock.
    """
    with session_lock(connection, LOCK) as held:
        if not held:
            raise AlreadyRunning(
                "Another run of this warehouse is in progress.",
                meaning="This run did nothing; the other one continues.",
                next_command="Wait for it, then run again. To see it: warehouse sql "
                '"select * from ledger.runs order by run_id desc limit 1"',
            )
        yield


@contextmanager
def _in_the_ledger(connection: psycopg.Connection, done: Run) -> Iterator[None]:
    """A row for the run, with how it ended. A run that was killed is marked by the next one, which holds the lock."""
    connection.execute(
        "update ledger.runs set state = 'interrupted', ended_at = clock_timestamp() where state = 'running'"
    )
    row = connection.execute("insert into ledger.runs default values returning run_id").fetchone()
    assert row is not None
    done.run_id = int(row[0])
    state, error = "succeeded", None
    try:
        yield
    except WarehouseError as failure:
        state, error = "failed", failure.as_dict()
        raise
    except KeyboardInterrupt:
        state = "interrupted"
        raise
    except BaseException as failure:
        state, error = "failed", {"error": type(failure).__name__}
        raise
    finally:
        if not connection.closed and not connection.broken:
            connection.execute(
                "update ledger.runs set state = %s, error = %s, stages = %s, ended_at = clock_timestamp()"
                " where run_id = %s",
                (state, json_.dumps(error) if error else None, _stages_json(done), done.run_id),
            )


def _stages_json(done: Run) -> str:
    return json_.dumps([asdict(stage) for stage in done.stages], default=as_json)


def _as_json(done: Run) -> dict[str, Any]:
    return {
        "run_id": done.run_id,
        "state": "succeeded",
        "stages": [asdict(stage) for stage in done.stages],
        "deliveries": [report_as_dict(delivery) for delivery in done.deliveries],
        "missed": [delivery.delivery_id for delivery in done.deliveries if delivery.state == State.MISSED],
        "held_back": str(done.held) if done.held else None,
        "build": done.built
        and {
            "build_id": done.built.build_id,
            "built": done.built.built,
            "findings": [asdict(finding) for finding in done.built.findings],
        },
    }


def _print_summary(done: Run) -> None:
    out.print()
    print_table(
        None,
        ["stage", "rows in", "rows out", "rejected", "seconds", "where"],
        [(s.stage, s.rows_in, s.rows_out, s.rejected, f"{s.seconds:.1f}", "\n".join(s.where)) for s in done.stages],
    )
    if not done.deliveries:
        out.print("\nNothing is due: every period that is over has been delivered.")
