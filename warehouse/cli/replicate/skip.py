"""`warehouse replicate skip`."""

from __future__ import annotations

import getpass
from dataclasses import asdict
from typing import Annotated

import typer

from warehouse.cli.opening import opened
from warehouse.cli.output import JsonOption, TerminalProgress, out, print_json
from warehouse.core.errors import UsageError
from warehouse.replicate.conflicts.decide import skip_transaction


def skip(
    lsn: Annotated[str, typer.Option(help="The transaction, as `warehouse replicate conflicts` names it.")],
    because: Annotated[str, typer.Option(help="Why its rows may be lost; kept with your name.")],
    yes: Annotated[bool, typer.Option("--yes", help="Confirm: the transaction's changes are not applied.")] = False,
    json: bool = JsonOption,
) -> None:
    """Skip the one transaction that cannot be applied, keep a record of it, and resume the stream."""
    if not yes or not because.strip():
        raise UsageError(
            f"This skips all changes of the transaction at {lsn}, not only the row that does not fit.",
            meaning="Nothing was done. The replica would differ from the source there until it is repaired.",
            next_command=f'If that is what you want: warehouse replicate skip --lsn {lsn} --because "why" --yes',
        )
    progress = TerminalProgress(quiet=json)
    with opened(progress) as ends, progress.stage("skip"):
        done = skip_transaction(ends, lsn=lsn, because=because.strip(), decided_by=getpass.getuser())
    if json:
        print_json(asdict(done))
        return
    lost = ", ".join(f"{rows:,} of {table}" for table, rows in done.rows.items())
    out.print(f"The transaction at {done.lsn} was skipped: {lost}. The stream is running again.")
    out.print("The replica lacks these changes now. `warehouse replicate repair --compare` restores them.")
