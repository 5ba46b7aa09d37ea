"""`warehouse replicate watch`."""

from __future__ import annotations

import json as json_
import sys
import time
from dataclasses import asdict
from typing import Annotated

import typer

from warehouse.cli import interrupt
from warehouse.cli.opening import ready
from warehouse.cli.output import TerminalProgress, as_json, out, styled
from warehouse.core.hostile import in_json
from warehouse.replicate import replicate
from warehouse.replicate.guard.watch import Event, Watch


def watch(
    every: Annotated[float, typer.Option(min=0.5, help="Seconds between two looks.")] = 5.0,
    once: Annotated[bool, typer.Option("--once", help="Look once, with the exit code of `status`.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document a line, for machines.")] = False,
) -> None:
    """Watch the stream: restart it when it stops, keep history up to date, report each change of state.

    It waits while a database does not answer, and ends with the exit code of `status` when a person has to decide: 50
    slot lost, 51 slot taken, 52 source went back, 56 a row cannot be applied. Ctrl-C ends it; the stream continues.
    """
    databases = ready()
    guard = Watch(
        databases, replicate, TerminalProgress(quiet=True), _as_json if json else _print, every=every, sleep=_sleep
    )
    if once:
        now = guard.once()
        if now.exit_code:
            raise typer.Exit(now.exit_code)
        return
    try:
        guard.forever()
    except KeyboardInterrupt:
        if not json:
            out.print("Stopped watching. The stream continues until something interrupts it.")


def _sleep(seconds: float) -> None:
    interrupt.check()
    time.sleep(seconds)
    interrupt.check()


def _print(event: Event) -> None:
    good = event.state in ("streaming", "quiet")
    mark = styled("✗", "red") if event.exit_code else styled("✓", "green") if good else styled("•", "yellow")
    out.print(f"{event.at:%Y-%m-%d %H:%M:%S} UTC ", mark, " ", styled(event.state, "bold"), f"  {event.what}")
    if event.next_command:
        out.print(f"    Next: {event.next_command}")


def _as_json(event: Event) -> None:
    sys.stdout.write(in_json(json_.dumps(asdict(event), default=as_json, ensure_ascii=False)) + "\n")
    sys.stdout.flush()
