"""`warehouse replicate retention`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import typer

from warehouse.cli.opening import opened
from warehouse.cli.output import JsonOption, out, print_json, print_table
from warehouse.replicate.door import only_command
from warehouse.replicate.history import kept
from warehouse.replicate.history.kept import Kept
from warehouse.replicate.history.retention import Expired

MOST_NAMED = 5
"""Of more tables with one rule only the number is printed."""


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
    with opened() as ends:
        if apply:
            with only_command(ends.warehouse):
                kept.apply(ends.warehouse, ends.trs, ends.classification)
        found = kept.read(ends.warehouse, ends.trs, ends.classification)
    if json:
        print_json(found.as_dict())
    else:
        _print(found)


def _print(found: Kept) -> None:
    for rule, tables in Counter(found.kept.values()).most_common():
        named = [table for table, its in found.kept.items() if its == rule]
        which = f"{tables} tables" if tables > MOST_NAMED else ", ".join(named)
        out.print(f"Ended versions of {which} are kept for {rule}.")
    if found.due:
        _print_months("The next pass drops", found.due)
    if found.lowered:
        out.print(
            f"For {len(found.lowered)} tables the rule keeps less than before. All is kept until you use --apply."
        )
        _print_months("--apply drops", found.due_with_apply)
    if found.dropped:
        rows = [(one.table, str(one.ended_before), one.versions, str(one.dropped_at)) for one in found.dropped]
        print_table("Dropped", ["table", "ended before", "versions", "dropped at"], rows)
    if not found.due and not found.due_with_apply and not found.dropped:
        out.print("Nothing is older than that, and nothing was ever dropped.")


def _print_months(title: str, months: Sequence[Expired]) -> None:
    print_table(
        title, ["table", "month", "versions"], [(one.table, f"{one.month:%Y-%m}", one.versions) for one in months]
    )
