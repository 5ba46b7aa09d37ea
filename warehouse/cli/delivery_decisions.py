"""What a person decides about a delivery: a revision, that it arrived, that it is sent again, that it may pass."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Annotated, Literal

import typer

from warehouse.cli.opening import at_warehouse, ready
from warehouse.cli.output import JsonOption, TerminalProgress, out, print_json
from warehouse.deliver import State, decide, decisions, is_earlier, redo, release, world_of
from warehouse.jobs.history import history

BecauseOption = typer.Option("--because", help="Why, in a few words. The ledger keeps it for good: name no person.")
IdArgument = typer.Argument(help="For example tad/teachers/2026-09; `warehouse deliveries list` shows them.")


def redo_delivery(
    delivery: Annotated[str, IdArgument],
    because: Annotated[str, BecauseOption],
    known_now: Annotated[
        bool, typer.Option("--known-now", help="Of an earlier month: also with what became known since.")
    ] = False,
    json: bool = JsonOption,
) -> None:
    """Deliver a closed delivery again, as a numbered revision such as tad/teachers/2026-09-r2.

    The revision's manifest says which delivery it replaces; the ledger keeps both, and the reason. The latest month is
    made from the published build. An earlier one is made from history by the models of now, as at the same day and of
    what the delivery knew that it replaces; with --known-now of all that is known now. Today's rows never go under the
    name of an earlier month. Exit code 74: history does not reach so far.
    """
    reason = decisions.checked_reason(because)
    progress = TerminalProgress(quiet=json)
    with progress.stage("deliver"), at_warehouse() as (databases, warehouse), ExitStack() as stack:
        world = world_of(databases)
        earlier = is_earlier(world, delivery)
        then = stack.enter_context(history(databases, warehouse, progress)) if earlier else None
        report = redo(world, progress, delivery, reason, history=then, known="now" if known_now else "then")
    if json:
        print_json(report.as_dict())
    else:
        out.print(f"{report}{report.rests_on}")


def received(
    delivery: Annotated[str, IdArgument], because: Annotated[str, BecauseOption], json: bool = JsonOption
) -> None:
    """Record that the recipient has the files that vanished, or were not acknowledged, and close the delivery."""
    _decide(delivery, "received", because, json)


def resend(
    delivery: Annotated[str, IdArgument], because: Annotated[str, BecauseOption], json: bool = JsonOption
) -> None:
    """Record that the recipient does not have the files that vanished: the next run sends them again."""
    _decide(delivery, "resend", because, json)


def release_delivery(
    delivery: Annotated[str, IdArgument], because: Annotated[str, BecauseOption], json: bool = JsonOption
) -> None:
    """Let a delivery pass that was refused for its number of rows alone (exit code 85): the next run sends it.

    The ledger keeps who decided it, when, why and from which rule. It holds for this delivery alone, and for a number
    of rows that is no further off. No other rule can be let pass.
    """
    reason = decisions.checked_reason(because)
    rules = release(world_of(ready()), TerminalProgress(quiet=json), delivery, reason)
    if json:
        print_json({"id": delivery, "released": rules})
    else:
        for rule, rows in rules.items():
            out.print(f"{delivery} is released from `{rule}`, with {rows:,} rows.")
        out.print("The next run sends it, or `warehouse deliver`.")


def _decide(delivery: str, decision: Literal["received", "resend"], because: str, json: bool) -> None:
    reason = decisions.checked_reason(because)
    state = decide(world_of(ready()), TerminalProgress(quiet=json), delivery, decision, reason)
    if json:
        print_json({"id": delivery, "state": state})
    elif state == State.CLOSED:
        out.print(f"{delivery} is closed: its manifest is there.")
    else:
        out.print(f"{delivery} will be sent again by the next run, or by `warehouse deliver`.")
