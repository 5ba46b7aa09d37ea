"""`warehouse replicate reconcile`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from warehouse.cli.output import JsonOption, TerminalProgress, out, print_json, print_table
from warehouse.core.databases import Databases
from warehouse.core.settings import load
from warehouse.replicate.door import ready
from warehouse.replicate.reconcile import Reconciliation, raise_if_different, reconcile


def reconcile_content(
    table: Annotated[list[str] | None, typer.Option("--table", help="Only this table; may be given again.")] = None,
    json: bool = JsonOption,
) -> None:
    """Compare replica and source by content, at one position, while changes flow. Exit code 59 when they differ.

    61 when something could not be compared: then nobody can say that it is equal.
    """
    databases = ready(Databases(load()))
    progress = TerminalProgress(quiet=json)
    with progress.stage("reconcile"):
        done = reconcile(databases, progress, table or ())
    if json:
        print_json({**asdict(done), "result": done.result})
    else:
        _show(done)
    raise_if_different(done)


def _show(done: Reconciliation) -> None:
    print_table(
        None,
        ["table", "rows there", "rows here", "missing", "too many", "different", "content"],
        [
            (
                table.table,
                table.source_rows,
                table.warehouse_rows,
                table.missing,
                table.extra,
                table.changed,
                "equal" if table.is_equal else "differs",
            )
            for table in done.tables
        ],
    )
    seconds = (done.ended_at - done.started_at).total_seconds()
    out.print(
        f"{len(done.tables)} tables, {done.rows:,} rows, compared at {done.lsn} of {done.snapshot_at} ({seconds:.1f} s)"
    )
    for name, why in done.left_out.items():
        out.print(f"Not compared: {name}: {why}", markup=False)
    for table in done.differing:
        for kind, keys in table.keys.items():
            out.print(f"{table.table}, {kind}: {'; '.join(', '.join(key) for key in keys)}", markup=False)
