"""`warehouse replicate repair`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from warehouse.cli.output import JsonOption, TerminalProgress, out, print_json, print_table
from warehouse.core.databases import Databases
from warehouse.core.ledger import migrate
from warehouse.core.settings import load
from warehouse.replicate.repair import repair


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
    if done.gap is None:
        out.print("Nothing to repair: the slot is ours, and it streams." + (" All rows are equal." if compare else ""))
        return
    gap = done.gap
    out.print(f"Repaired gap {gap.gap_id}: {gap.reason}.")
    out.print(f"  from {gap.from_time:%d %B %Y %H:%M:%S %Z} to {gap.to_time:%d %B %Y %H:%M:%S %Z}")
    out.print(f"  {gap.rows_inserted:,} rows inserted, {gap.rows_updated:,} updated, {gap.rows_deleted:,} deleted")
    if done.copied:
        out.print(f"  {done.copied:,} rows of tables that were not here yet")
    if done.left:
        out.print(f"  {done.left:,} rows were being changed all the while: run it again with --compare")
    touched = [row for row in done.tables if any(row[2:])]
    if touched:
        print_table(None, ["table", "rows compared", "inserted", "updated", "deleted"], touched)
