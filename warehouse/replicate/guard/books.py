"""What the ledger says of history and erasures that a person should know, as findings of the status."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg

from warehouse.core import returned
from warehouse.core.errors import CommitTimesOff, HistoryDiffers
from warehouse.core.finding import Finding, failed, from_error, warning
from warehouse.replicate.catalog import commit_times
from warehouse.replicate.classification import Classification
from warehouse.replicate.history import retention

_DIFFER = """
select table_name, what from ledger.proved_histories where mismatches > 0 order by table_name
"""


def reasons(warehouse: psycopg.Connection, classification: Classification) -> Iterator[Finding]:
    """Commit times not kept, a history that does not match its seals, an erased person, a rule that waits."""
    try:
        commit_times.check(warehouse)
    except CommitTimesOff as error:
        yield from_error("commit_times_off", error)
    differ = warehouse.execute(_DIFFER).fetchall()
    if differ:
        some = "; ".join(f"{table}: {what}" for table, what in differ[:5])
        yield failed(
            "history_differs",
            f"The history of {len(differ)} tables was not what was settled when it was last proved: {some}.",
            "warehouse replicate reconcile --history",
            HistoryDiffers,
        )
    came_back = returned.finding(warehouse)
    if came_back:
        yield came_back
    lowered = retention.lowered(warehouse, classification)
    if lowered:
        yield warning(
            "retention_lowered",
            f"replication/trs.yml keeps less history of {len(lowered)} tables than what was applied so far; nothing "
            "of it was dropped.",
            "warehouse replicate retention shows what would go; with --apply it goes.",
        )
