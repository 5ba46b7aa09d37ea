"""`warehouse replicate repair`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC
from typing import Annotated

import typer

from warehouse.cli.opening import ready
from warehouse.cli.output import JsonOption, TerminalProgress, out, print_json, print_table
from warehouse.replicate.compare import raise_if_left_out
from warehouse.replicate.ledger.differences import refused
from warehouse.replicate.ledger.gaps import GapTable
from warehouse.replicate.link import Depth
from warehouse.replicate.repair import Repair, repair

_TIME = "%d %B %Y %H:%M:%S"
_EQUAL = " All rows are equal."


def repair_gap(
    compare: Annotated[
        bool, typer.Option("--compare", help="Compare every table, even if nothing is known to be wrong.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="The same, and read every row, whatever was proven equal before.")
    ] = False,
    allow_deletes: Annotated[
        list[str] | None,
        typer.Option("--allow-deletes", help="Allow any number of deletes in this table; may be repeated."),
    ] = None,
    json: bool = JsonOption,
) -> None:
    """Repair the replica after a lost slot or damage: compare it with the source, write what differs, resume.

    Where a table was proven equal before, the repair reads only rows that were written since, and the keys of the
    others. It cannot see what no transaction did, such as a disk that loses bits: `reconcile` and --full read every
    row.
    """
    databases = ready()
    progress = TerminalProgress(quiet=json)
    with progress.stage("repair"):
        done = repair(databases, progress, depth=_depth(compare=compare, full=full), allow_deletes=allow_deletes or ())
    if json:
        print_json(asdict(done))
    else:
        _show(done)
    if done.held:
        raise refused(done.held, databases.settings.warehouse_repair_deletes_percent)
    raise_if_left_out(done.left_out)


def _depth(*, compare: bool, full: bool) -> Depth:
    return "full" if full else "all" if compare else "known"


def _show(done: Repair) -> None:
    for name, why in done.left_out.items():
        out.print(f"Not compared: {name}: {why}")
    if done.left:
        out.print(f"{done.left:,} rows differ and were changing all the time: run it again with --compare.")
    if done.gap is None:
        all_equal = done.tables and not done.left and not done.left_out
        out.print("Nothing to repair: replication is running from our own slot." + (_EQUAL if all_equal else ""))
        _say_how(done)
        return
    for gap in (*done.further, done.gap):
        assert gap.to_time is not None
        out.print(f"Repaired gap {gap.gap_id}: {gap.reason}.")
        out.print(f"  from {gap.from_time.astimezone(UTC):{_TIME}} to {gap.to_time.astimezone(UTC):{_TIME}} UTC")
        out.print(f"  {gap.rows_inserted:,} rows inserted, {gap.rows_updated:,} updated, {gap.rows_deleted:,} deleted")
    if done.copied:
        out.print(f"  {done.copied:,} rows of tables that the replica did not have yet")
    _say_how(done)
    touched = [
        (one.table, one.rows_compared, _how(one), one.rows_inserted, one.rows_updated, one.rows_deleted)
        for one in done.tables
        if one.rows_inserted or one.rows_updated or one.rows_deleted
    ]
    if touched:
        print_table(None, ["table", "rows compared", "compared", "inserted", "updated", "deleted"], touched)


def _say_how(done: Repair) -> None:
    compared = [one for one in done.tables if one.rows_compared is not None]
    carried = [one.carried_from for one in compared if one.carried_from is not None]
    if in_full := len(compared) - len(carried):
        out.print(f"  {in_full} tables compared in full")
    if carried:
        out.print(
            f"  {len(carried)} tables compared from a proof, the oldest of {min(carried).astimezone(UTC):{_TIME}} UTC"
        )


def _how(one: GapTable) -> str:
    return f"from the proof of {one.carried_from.astimezone(UTC):{_TIME}}" if one.carried_from else "in full"
