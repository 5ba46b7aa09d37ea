"""What of drift the status reports: tables that are not replicated or not applied, for as long as that is so. Pure.

A run reports once what it could not carry out; whoever looks at the status later has to see it as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

from warehouse.core.errors import DriftHeld, SubscriptionAltered
from warehouse.core.finding import Finding, failed
from warehouse.replicate.drift.difference import Difference, Kind

OUT: tuple[Kind, ...] = ("identity", "key", "dropped table", "unknown type")
SUBSCRIPTION: tuple[Kind, ...] = ("subscribe", "subscription")


def reasons(found: Sequence[Difference], published: Set[str]) -> Iterator[Finding]:
    """Findings for differences that concern whole tables, or the subscription.

    Args:
        published: the tables that the publication sends now.
    """
    out = [one for one in found if one.kind in OUT and one.column is None]
    harmed = [one for one in out if one.kind == "identity" and one.table in published]
    if harmed:
        yield failed(
            "source_harmed",
            f"The source's own updates and deletes fail for what is published: {_some(harmed)}.",
            "warehouse replicate run removes it from the publication at once.",
            DriftHeld,
        )
    away = [one for one in out if one not in harmed]
    if away:
        yield failed(
            "table_out",
            f"Not replicated at present, the rows in the warehouse are as they were: {_some(away)}.",
            "warehouse replicate drift shows what can be done about each.",
            DriftHeld,
        )
    altered = [one for one in found if one.kind in SUBSCRIPTION]
    if altered:
        again = any(one.needs == "decision" for one in altered)
        yield failed(
            "subscription_altered",
            f"The subscription does not apply all that it should: {_some(altered)}.",
            "warehouse replicate repair" if again else "warehouse replicate run, then warehouse replicate repair",
            SubscriptionAltered,
        )


def _some(found: Sequence[Difference]) -> str:
    named = [f"{one.name}: {one.what}" if one.table else one.what for one in found[:5]]
    return "; ".join(named) + (f"; and {len(found) - 5} more" if len(found) > 5 else "")
