"""What of the history is kept, what the rule would drop next, and what was dropped: as one answer for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from warehouse.core.keep import Keep
from warehouse.replicate.classification import Classification
from warehouse.replicate.history import retention
from warehouse.replicate.history.retention import Expired, Lowered

_DROPPED = """
select table_name, ended_before, versions, dropped_at from ledger.dropped_history order by ended_before, table_name
"""


@dataclass(frozen=True)
class Dropped:
    """A month of a table's history that was dropped."""

    table: str
    ended_before: datetime
    versions: int
    dropped_at: datetime


@dataclass(frozen=True)
class Kept:
    """The retention of the history as it stands.

    Attributes:
        kept: tables with how long replication/trs.yml keeps what ended of them.
        lowered: tables of which the file keeps less than what was applied last.
        due: what the next pass drops.
        due_with_apply: what is dropped once the lower rule is applied.
    """

    kept: dict[str, Keep]
    lowered: Sequence[Lowered]
    due: Sequence[Expired]
    due_with_apply: Sequence[Expired]
    dropped: Sequence[Dropped]

    def as_dict(self) -> dict[str, Any]:
        """The answer as `--json` prints it."""
        return {
            "keep_years": {table: rule.years for table, rule in self.kept.items() if rule.years},
            "keep_days": {table: rule.days for table, rule in self.kept.items() if rule.days},
            "lowered": [
                {"table": one.table, "applied": str(one.applied), "wanted": str(one.wanted)} for one in self.lowered
            ],
            "due": _months(self.due),
            "due_with_apply": _months(self.due_with_apply),
            "dropped": [
                {
                    "table": one.table,
                    "ended_before": one.ended_before.isoformat(),
                    "versions": one.versions,
                    "dropped_at": one.dropped_at.isoformat(),
                }
                for one in self.dropped
            ],
        }


def read(warehouse: psycopg.Connection, source: psycopg.Connection, classification: Classification) -> Kept:
    """How it stands now. Changes nothing."""
    now = retention.now(warehouse, source)
    lowered = retention.lowered(warehouse, classification)
    return Kept(
        classification.kept,
        lowered,
        retention.expired(warehouse, retention.rules(warehouse), now),
        retention.expired(warehouse, {one.table: one.wanted for one in lowered}, now),
        [Dropped(*row) for row in warehouse.execute(_DROPPED)],
    )


def apply(warehouse: psycopg.Connection, source: psycopg.Connection, classification: Classification) -> None:
    """Apply the file's rule, also where it keeps less than before, and drop what is past it."""
    now = retention.now(warehouse, source)
    retention.take_up(warehouse, classification, all_of_it=True)
    retention.apply_retention(warehouse, retention.rules(warehouse), now)


def _months(months: Sequence[Expired]) -> list[dict[str, Any]]:
    return [{"table": one.table, "month": f"{one.month:%Y-%m}", "versions": one.versions} for one in months]
