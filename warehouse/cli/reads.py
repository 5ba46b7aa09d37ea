"""`warehouse reads`: who still reads the views of the old names."""

from __future__ import annotations

from dataclasses import asdict

from warehouse.cli.opening import as_it_is
from warehouse.cli.output import JsonOption, out, print_json, print_table
from warehouse.query import reads as counted


def reads(json: bool = JsonOption) -> None:
    """Count who still reads the views of the old names, so that one knows when they can go.

    Only where the server has pg_stat_statements, since it last began to count, and only what names the schema.
    """
    with as_it_is("warehouse") as (_, warehouse):
        found = counted.reads(warehouse)
    if json:
        print_json(asdict(found))
        return
    if found.why_not:
        out.print(f"{found.why_not} docs/legacy.md says what else shows who reads the old names.")
        return
    print_table(
        f"reads since {found.since:%Y-%m-%d %H:%M}",
        ("view", "role", "reads"),
        [(one.view, one.role or "nobody", one.calls) for one in found.reads],
    )
    if not found.of_others:
        out.print("Only this login's own statements could be looked at: pg_read_all_stats shows those of all.")
    if found.dropped:
        out.print(f"The server has dropped the counts of {found.dropped:,} rare statements: there may be more reads.")
