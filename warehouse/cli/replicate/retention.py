"""`warehouse replicate retention`."""

from __future__ import annotations

from datetime import UTC, datetime

from warehouse.cli.output import JsonOption, out, print_json, print_table
from warehouse.core.databases import Databases
from warehouse.core.settings import load
from warehouse.replicate import history, load_classification
from warehouse.replicate.door import ready


def show_retention(json: bool = JsonOption) -> None:
    """For how long history is kept, what the next pass would drop, and what was dropped. Changes nothing."""
    databases = ready(Databases(load()))
    rules = load_classification().keep_years
    with databases.warehouse() as warehouse:
        due = history.expired(warehouse, rules, datetime.now(UTC))
        dropped = warehouse.execute(
            "select table_name, ended_before, versions, dropped_at from ledger.dropped_history order by 2, 1"
        ).fetchall()
    if json:
        print_json(
            {
                "keep_years": dict(rules),
                "due": [{"table": o.table, "month": f"{o.month:%Y-%m}", "versions": o.versions} for o in due],
                "dropped": [
                    {"table": t, "ended_before": b.isoformat(), "versions": n, "dropped_at": at.isoformat()}
                    for t, b, n, at in dropped
                ],
            }
        )
        return
    years = sorted({kept for _, kept in rules})
    out.print(f"Superseded versions of {len(rules)} tables are kept for {' or '.join(map(str, years))} years.")
    if due:
        print_table(
            "The next pass drops",
            ["table", "month", "versions"],
            [(o.table, f"{o.month:%Y-%m}", o.versions) for o in due],
        )
    if dropped:
        print_table(
            "Dropped", ["table", "ended before", "versions", "dropped at"], [tuple(map(str, row)) for row in dropped]
        )
    if not due and not dropped:
        out.print("Nothing is older than that, and nothing was ever dropped.")
