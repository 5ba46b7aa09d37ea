"""`warehouse replicate apply`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from warehouse.cli.opening import opened
from warehouse.cli.output import JsonOption, TerminalProgress, out, print_json
from warehouse.core.errors import UsageError
from warehouse.jobs import rule_changes
from warehouse.replicate import drift
from warehouse.replicate.preflight import preflight, rules


def apply_drift(
    accept: Annotated[
        list[str] | None,
        typer.Option("--accept", help="Accept a new type (table.column) or a new key (table) of the source."),
    ] = None,
    release: Annotated[
        list[str] | None,
        typer.Option("--release", help="Release a column (table.column), so that the source can drop or change it."),
    ] = None,
    json: bool = JsonOption,
) -> None:
    """Carry out what replication/trs.yml says, while the source is in use: add, publish, back-fill, widen, cut out.

    What a changed rule does not allow any more is removed from the replica, its history, marts and delivered files.

    With --release it only takes the column out of the publication; the next `apply` publishes it again.
    """
    if accept and release:
        raise UsageError(
            "--accept and --release cannot be used together.",
            meaning="Nothing was done.",
            next_command="Release the column, change the source, then: warehouse replicate apply",
        )
    progress = TerminalProgress(quiet=json)
    with opened(progress, exclusive=True) as ends:
        epoch = ends.streaming()
        preflight.require(ends, rules.TO_READ)
        work = drift.Work(ends.trs, ends.warehouse, epoch, ends.classification, progress, frozenset(accept or ()))
        with progress.stage("apply"):
            if release:
                drift.release(work, release)
                outcome = drift.Outcome(work.done)
            else:
                drift.make_ready(work)
                outcome = drift.finish(work)
    to_do = [] if release else rule_changes.finish(ends.databases, progress)
    outcome = outcome.finished()
    if json:
        left = [asdict(one) for one in outcome.left]
        failures = [failure.as_dict() for failure in outcome.failures]
        print_json({"done": outcome.done, "left": left, "failures": failures, "to_do": to_do})
    else:
        for line in outcome.done or ["Nothing to do."]:
            out.print(line)
        for note in outcome.notes:
            out.print(f"not done: {note}")
        for line in to_do:
            out.print(f"to do: {line}")
    error = outcome.error()
    if error:
        raise error
