"""Clocks that disagree. History has the source's commit times, so a source whose clock is wrong makes history wrong.

A difference between the two clocks is reported while it lasts. A commit time that cannot be true is reported until a
person has acknowledged it: the next right one does not make it right, and what was known at a moment near it stays in
doubt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import psycopg

from warehouse.core.errors import UsageError
from warehouse.replicate.catalog.clocks import TOLERANCE, Clocks

TOLERANCE_SECONDS = TOLERANCE.total_seconds()

_JUMPS = """
select clock_jump_id, epoch_id, found_at, kind, transactions, first_xid::text::bigint, seconds, acknowledged_at,
    acknowledged_by, because
from ledger.clock_jumps where %(all)s or acknowledged_at is null order by clock_jump_id
"""

_ACKNOWLEDGE = """
update ledger.clock_jumps set acknowledged_at = clock_timestamp(), acknowledged_by = session_user, because = %s
where acknowledged_at is null
"""


@dataclass(frozen=True)
class ClockJump:
    """A row of ledger.clock_jumps; the table's comment says what the kinds are."""

    clock_jump_id: int
    epoch_id: int
    found_at: datetime
    kind: str
    transactions: int
    first_xid: int
    seconds: float
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    because: str | None

    @property
    def what(self) -> str:
        """As a clause of a sentence."""
        by = f"by up to {self.seconds:,.1f} s"
        return {
            "ahead": f"{self.transactions:,} commit times were in the future, {by}",
            "back": f"commit times went backwards for {self.transactions:,} transactions, {by}",
            "order": f"{self.transactions:,} transactions had a time before that of what they changed, {by}",
        }[self.kind]


def jumps(warehouse: psycopg.Connection, *, acknowledged: bool = False) -> list[ClockJump]:
    """The commit times that could not be true, those that nobody has acknowledged or all."""
    return [ClockJump(*row) for row in warehouse.execute(_JUMPS, {"all": acknowledged})]


def acknowledge(warehouse: psycopg.Connection, because: str) -> int:
    """Record that a person has seen the jumps so far, and why they happened; returns how many.

    Raises:
        UsageError: it does not say why.
    """
    if not because.strip():
        raise UsageError(
            "An acknowledgement needs a reason.",
            meaning="Nothing was changed.",
            next_command='warehouse replicate clocks --acknowledge --because "what was wrong with the clock"',
        )
    return warehouse.execute(_ACKNOWLEDGE, (because,)).rowcount


def disagreements(
    warehouse: psycopg.Connection, clocks: Clocks, source_at: datetime, newest_commit_at: datetime | None
) -> list[str]:
    """What is wrong with the clocks, one sentence each; arguments as in judge()."""
    found = [one for one in jumps(warehouse) if one.seconds > TOLERANCE_SECONDS]
    return judge(clocks, source_at, newest_commit_at, found)


def judge(clocks: Clocks, source_at: datetime, newest_commit_at: datetime | None, jumps: list[ClockJump]) -> list[str]:
    """The sentences for what was measured.

    Args:
        source_at: the source's clock when they were measured.
        newest_commit_at: of the newest transaction that was applied, by the source's clock.
        jumps: those that nobody has acknowledged.
    """
    found = []
    if clocks.disagree:
        ahead = "ahead of" if clocks.skew_seconds > 0 else "behind"
        found.append(f"The source's clock is {abs(clocks.skew_seconds):,.1f} s {ahead} the warehouse's")
    if newest_commit_at:
        future = (newest_commit_at - source_at).total_seconds()
        if future > TOLERANCE_SECONDS:
            found.append(f"the newest change was committed {future:,.1f} s in the future of the source's own clock")
    found += [one.what for one in jumps]
    return found
