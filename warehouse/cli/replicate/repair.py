"""`warehouse replicate repair`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC
from typing import Annotated

import typer

from warehouse.cli.output import JsonOption, TerminalProgress, out, print_json, print_table
from warehouse.core.databases import Databases
from warehouse.core.ledger import migrate
from warehouse.core.settings import load
from warehouse.replicate.repair import repair

_TIME = "%d %B %Y %H:%M:%S"
_EQUAL = " All rows are equal."


def repair_gap(
    compare: Annotated[
        bool, typer.Option("--compare", help="Compare every table, even if nothing is known to be wrong.")
    ] = False,
    json: bool = JsonOption,
) -> None:
    """Repair the replica after a lost slot or damage: compare it with the source, write what differs, go on."""
    databases = Databases(load())
    databases.start()
    progress = TerminalProgress(quiet=json)
    with databases.warehouse() as warehouse:
        migrate(warehouse)
    with progress.stage("repair"):
        done = repair(databases, progress, compare_all=compare)
    if json:
        print_json(asdict(done))
        return
    if done.left:
        out.print(f"{done.left:,} rows differ and were being changed all the while: run it again with --compare.")
    if done.gap is None:
        out.print(
            "Nothing to repair: the slot is ours, and it streams." + (_EQUAL if compare and not done.left else "")
        )
        return
    gap = done.gap
    assert gap.to_time is not None
    out.print(f"Repaired gap {gap.gap_id}: {gap.reason}.")
    out.print(f"  from {gap.from_time.astimezone(UTC):{_TIME}} to {gap.to_time.astimezone(UTC):{_TIME}} UTC")
    out.print(f"  {gap.rows_inserted:,} rows inserted, {gap.rows_updated:,} updated, {gap.rows_deleted:,} deleted")
    if done.copied:
        out.print(f"  {done.copied:,} rows of tables that were not here yet")
    touched = [
        (one.table, one.rows_compared, one.rows_inserted, one.rows_updated, one.rows_deleted)
        for one in done.tables
        if one.rows_inserted or one.rows_updated or one.rows_deleted
    ]
    if touched:
        print_table(None, ["table", "rows compared", "inserted", "updated", "deleted"], touched)
