"""`warehouse replicate retention`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import psycopg
import typer

from warehouse.cli.output import JsonOption, out, print_json, print_table
from warehouse.core.databases import Databases
from warehouse.core.settings import load
from warehouse.replicate import link, load_classification
from warehouse.replicate.door import ready
from warehouse.replicate.history import retention as rule

_DROPPED = "select table_name, ended_before, versions, dropped_at from ledger.dropped_history order by 2, 1"


def retention(
    apply: Annotated[
        bool, typer.Option("--apply", help="Apply replication/trs.yml, also where it keeps less than before.")
    ] = False,
    json: bool = JsonOption,
) -> None:
    """Show how long history is kept, what would be dropped, and what was dropped.

    Without --apply it changes nothing: a rule in replication/trs.yml that keeps less than before drops nothing by
    itself.
    """
    databases = ready(Databases(load()))
    classification = load_classification()
    with databases.source() as trs, databases.warehouse() as warehouse:
        now = rule.now(warehouse, trs)
        if apply:
            with link.alone(warehouse, databases.settings.warehouse_replication_name):
                rule.take_up(warehouse, classification, all_of_it=True)
                rule.apply_retention(warehouse, rule.rules(warehouse), now)
        _show(warehouse, dict(classification.keep_years), rule.lowered(warehouse, classification), now, json=json)


def _show(
    warehouse: psycopg.Connection, wanted: dict[str, int], lowered: list[rule.Lowered], now: datetime, *, json: bool
) -> None:
    due = rule.expired(warehouse, rule.rules(warehouse), now)
    waiting = rule.expired(warehouse, [(one.table, one.wanted) for one in lowered], now)
    dropped = warehouse.execute(_DROPPED).fetchall()
    if json:
        print_json(
            {
                "keep_years": wanted,
                "lowered": [{"table": o.table, "applied": o.applied, "wanted": o.wanted} for o in lowered],
                "due": _as_json(due),
                "due_with_apply": _as_json(waiting),
                "dropped": [
                    {"table": t, "ended_before": b.isoformat(), "versions": n, "dropped_at": at.isoformat()}
                    for t, b, n, at in dropped
                ],
            }
        )
        return
    years = sorted(set(wanted.values()))
    out.print(f"Ended versions of {len(wanted)} tables are kept for {' or '.join(map(str, years))} years.")
    if due:
        _table("The next pass drops", due)
    if lowered:
        out.print(f"For {len(lowered)} tables the rule now keeps less than before. More is kept until you use --apply.")
        _table("--apply drops", waiting)
    if dropped:
        print_table(
            "Dropped", ["table", "ended before", "versions", "dropped at"], [tuple(map(str, row)) for row in dropped]
        )
    if not due and not waiting and not dropped:
        out.print("Nothing is older than that, and nothing was ever dropped.")


def _table(title: str, months: list[rule.Expired]) -> None:
    rows = [(one.table, f"{one.month:%Y-%m}", one.versions) for one in months]
    print_table(title, ["table", "month", "versions"], rows)


def _as_json(months: list[rule.Expired]) -> list[dict[str, Any]]:
    return [{"table": one.table, "month": f"{one.month:%Y-%m}", "versions": one.versions} for one in months]
