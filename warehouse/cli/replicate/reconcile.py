"""`warehouse replicate reconcile`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from warehouse.cli.opening import at_warehouse, ready
from warehouse.cli.output import JsonOption, TerminalProgress, out, print_json, print_table
from warehouse.core.errors import UsageError
from warehouse.replicate.compare.reconcile import Reconciliation, raise_if_different, reconcile
from warehouse.replicate.door import only_command
from warehouse.replicate.history import prove


def reconcile_content(
    table: Annotated[list[str] | None, typer.Option("--table", help="Only this table; may be repeated.")] = None,
    history: Annotated[
        bool, typer.Option("--history", help="Check the history against its seals and chains instead.")
    ] = False,
    accept: Annotated[
        str | None, typer.Option("--accept", help="With --history: accept what does not match, with the reason.")
    ] = None,
    json: bool = JsonOption,
) -> None:
    """Compare replica and source, row by row, at one position, while both are in use. Changes nothing.

    Exit code 59: they differ. Exit code 61: something could not be compared, so it is not known to be equal.

    With --history it reads every settled version, compares each month with its seal and follows the chains of
    versions. This needs no source. Exit code 65: something does not match.
    """
    if accept is not None and not history:
        raise UsageError(
            "--accept needs --history.",
            meaning="Nothing was compared.",
            next_command='warehouse replicate reconcile --history --accept "why it is right as it is"',
        )
    progress = TerminalProgress(quiet=json)
    if history:
        _history(progress, table or (), accept, json=json)
        return
    with progress.stage("reconcile"):
        done = reconcile(ready(), progress, table or ())
    if json:
        print_json({**asdict(done), "result": done.result})
    else:
        _show(done)
    raise_if_different(done)


def _history(progress: TerminalProgress, only: Sequence[str], accept: str | None, *, json: bool) -> None:
    with (
        at_warehouse() as (databases, warehouse),
        only_command(warehouse),
        progress.stage("reconcile --history"),
    ):
        if accept is None:
            proof = prove.prove(databases, progress, only)
        else:
            before, proof = prove.accept(databases, accept, progress)
    if json:
        print_json({**asdict(proof), "result": "differs" if proof.mismatches else "proved"})
    else:
        if accept is not None:
            out.print(f"{len(before.mismatches)} mismatches were accepted; the chain of seals says why.")
        _show_proof(proof)
    prove.raise_if_different(proof)


def _show_proof(proof: prove.Proof) -> None:
    for one in proof.mismatches:
        month = f" {one.month:%Y-%m}" if one.month else ""
        keys = "; ".join(", ".join(str(value) for value in key.values()) for key in one.keys)
        out.print(f"{one.table}{month}: {one.what}" + (f": {keys}" if keys else ""))
    out.print(
        f"{proof.tables} tables: {proof.sealed} sealed months with {proof.versions:,} versions, {proof.open} open; "
        f"{len(proof.mismatches)} mismatches"
    )
    if proof.head:
        out.print(f"Head of all chains (keep a copy elsewhere): {proof.head}")


def _show(done: Reconciliation) -> None:
    print_table(
        None,
        ["table", "source rows", "replica rows", "missing", "surplus", "different", "content"],
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
        out.print(f"Not compared: {name}: {why}")
    for table in done.differing:
        for kind, keys in table.keys.items():
            out.print(f"{table.table}, {kind}: {'; '.join(', '.join(key) for key in keys)}")
