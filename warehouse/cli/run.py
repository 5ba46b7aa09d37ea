"""`warehouse run`: the main job, from the operational database to verified deliveries."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from warehouse.cli import delivered
from warehouse.cli.findings import folded
from warehouse.cli.not_looked_into import show_not_looked_into
from warehouse.cli.opening import ready
from warehouse.cli.output import JsonOption, TerminalProgress, out, print_json, print_table, styled
from warehouse.core.errors import WarehouseError
from warehouse.core.progress import StageReport
from warehouse.core.settings import load
from warehouse.deliver import missed
from warehouse.jobs import main_job
from warehouse.jobs.main_job import Run
from warehouse.marts.findings import FailedTest
from warehouse.replicate.secrets.standing import refuse


def run(json: bool = JsonOption) -> None:
    """Replicate, build and test the models, and deliver what is due. Run at any time: it does only what is needed."""
    load().check_destinations()
    progress = TerminalProgress(quiet=json)

    begun: list[Run] = []

    def show(done: Run, stage: StageReport) -> None:
        begun[:] = [done]
        words = ", ".join([*stage.where, *stage.notes] if stage.stage == "replicate" else stage.notes)
        progress.done(styled("✓", "green"), f" {stage.stage:<10} {words}  ", styled(f"{stage.seconds:.1f} s", "dim"))
        if done.built and stage is done.built.stage:
            show_found(progress, done.built.findings)

    def show_started(names: list[str]) -> None:
        progress.done(f"Started the embedded databases: {', '.join(names)} (`warehouse down` stops them)")

    databases = ready(show_started)
    with databases.warehouse() as warehouse:
        try:
            done = main_job.run(databases, warehouse, progress, show)
        except WarehouseError as error:
            if not begun or not begun[0].deliveries:
                raise
            # One delivery failed: others may have gone out.
            if json:
                print_json(delivered.as_json(begun[0].deliveries, error))
                raise typer.Exit(error.exit_code) from None
            delivered.print_each(begun[0].deliveries)
            raise
    if json:
        print_json(done.as_dict())
    else:
        _print_summary(done)
    if went_by := missed(done.deliveries):
        if json:
            raise typer.Exit(went_by.exit_code)
        raise went_by
    if done.held:
        raise done.held.error()
    if done.returned:
        raise done.returned.as_error()
    if done.scan:
        with databases.warehouse() as warehouse:
            refuse(warehouse, done.scan)


def show_found(progress: TerminalProgress, findings: Sequence[FailedTest]) -> None:
    """What the build's tests found, in a line each, and which command has more."""
    for finding in findings:
        first, *rest = folded(str(finding), "    ", "      ")
        progress.done("  ", styled("•", "yellow"), " ", first.lstrip())
        for line in rest:
            progress.done(line)
    if findings:
        progress.done("    `warehouse quality` lists the rows")


def _print_summary(done: Run) -> None:
    out.print()
    print_table(
        None,
        ["stage", "rows in", "rows out", "rejected", "seconds", "where"],
        [(s.stage, s.rows_in, s.rows_out, s.rejected, f"{s.seconds:.1f}", list(s.where)) for s in done.stages],
    )
    if done.not_looked_into:
        out.print()
        show_not_looked_into(done.not_looked_into)
        out.print(
            "  An erased person may be in there. Put right or remove each, then run `warehouse erase --check`: the "
            "look of a run passes over files that did not change since the one before."
        )
    if not done.deliveries:
        out.print()
        out.print("Nothing is due: every period that is over has been delivered.")
