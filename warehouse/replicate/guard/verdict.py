"""What samples of the stream mean: a state, the findings behind it, lag, rates and the time that is left. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from warehouse.core.errors import (
    ApplyConflict,
    ClocksDisagree,
    PublicationAltered,
    ReplicaAltered,
    ReplicationError,
    SlotTaken,
    StreamStuck,
    WalBudgetExceeded,
)
from warehouse.core.finding import Finding, failed, warning
from warehouse.replicate.stream.sample import Sample

State = Literal[
    "not set up", "copying", "streaming", "quiet", "stopped", "stuck", "conflict", "slot lost", "slot taken", "rewound"
]

QUIET_SECONDS = 60
"""No change for so long, with nothing to apply, is called quiet."""

PATIENCE_SECONDS = 60
"""Nothing moving for so long, with something to apply, is called stuck. A transaction of 100,000 rows takes about 3
seconds (docs/adr/0002)."""

WORKERLESS_SECONDS = 15
"""So long the subscription may be on without a worker: PostgreSQL tries to start one every 5 seconds."""

LOCKED_SECONDS = 2
"""Report a worker that waits for a lock sooner: waiting does not end it."""

WARN_HOURS = 24

BEHIND_BYTES = 1_000_000
"""Fewer bytes behind do not count as something to apply: a source writes a little WAL of its own all the time, and a
healthy stream confirms it within seconds."""


@dataclass(frozen=True)
class Rates:
    """How much, and for how long still.

    Attributes:
        lag_bytes: WAL of the source that is not known to be applied in the warehouse.
        lag_seconds: by the source's clock: everything that was committed longer ago than this has been applied. 0 when
            nothing waits.
        wal_bytes_per_second: what the source writes, between samples. None: there is no earlier sample.
        retained_bytes: WAL that our slot retains at the source.
        budget_bytes: how much it may.
        seconds_until_full: until the budget is used up if the source keeps writing so and nothing is applied.
    """

    lag_bytes: int | None = None
    lag_seconds: float | None = None
    wal_bytes_per_second: float | None = None
    retained_bytes: int | None = None
    budget_bytes: int | None = None
    seconds_until_full: float | None = None


def lag_seconds(look: Sample, earlier: Sequence[Sample]) -> float | None:
    """How old what is not applied can be, at most; None when nothing is known.

    The stream is in the order of commits. So everything that was committed before the newest applied transaction has
    been applied; and so has everything that was committed before a sample at which the source had not written further
    than is confirmed now.
    """
    if look.lag_bytes == 0:
        return 0.0
    if look.confirmed_lsn is None:
        return None
    known: list[datetime] = [past.source_at for past in earlier if past.source_lsn <= look.confirmed_lsn]
    if look.newest_commit_at is not None:
        known.append(look.newest_commit_at)
    return max((look.source_at - max(known)).total_seconds(), 0.0) if known else None


def rates(look: Sample, earlier: Sequence[Sample], budget_bytes: int) -> Rates:
    """Lag, the source's rate of writing, and how long the budget lasts.

    Args:
        earlier: the samples before, the newest first.
        budget_bytes: of WAL that our slot may retain at the source; a lower limit of the source counts instead.
    """
    retained = look.retained_bytes
    if look.safe_wal_bytes is not None and retained is not None:
        budget_bytes = min(budget_bytes, retained + max(look.safe_wal_bytes, 0))
    rate = left = None
    # From the oldest sample of the hour: a burst of a few seconds says little about a day.
    if earlier and (seconds := (look.source_at - earlier[-1].source_at).total_seconds()) > 0:
        rate = max(look.source_lsn - earlier[-1].source_lsn, 0) / seconds
    if retained is not None and rate:
        left = max(budget_bytes - retained, 0) / rate
    return Rates(look.lag_bytes, lag_seconds(look, earlier), rate, retained, budget_bytes, left)


def stalled_seconds(look: Sample, earlier: Sequence[Sample]) -> float:
    """For how long nothing has moved although there was something to apply; 0 when it moves."""
    still = 0.0
    for past in earlier:
        if past.positions != look.positions:
            break
        if past.confirmed_lsn is not None and past.source_lsn > past.confirmed_lsn:
            still = (look.looked_at - past.looked_at).total_seconds()
    return still


def of_the_stream(
    look: Sample,
    earlier: Sequence[Sample],
    *,
    slot: str,
    blocked_by: str | None = None,
    patience: float = PATIENCE_SECONDS,
    held_by_us: bool = False,
) -> Finding | None:
    """Whether the stream is on and moves.

    Args:
        held_by_us: whoever reads the slot at the source is a sender of the warehouse's subscription.
    """
    before = earlier[0] if earlier else None
    taken = look.slot_held_by and not look.worker_pid
    if taken and before and not before.worker_pid and before.slot_held_by == look.slot_held_by:
        return _of_the_holder(look, slot, ours=held_by_us)
    if look.enabled is None:
        return failed(
            "no_subscription",
            "The warehouse has no subscription any more: it was dropped.",
            "warehouse replicate repair",
            ReplicationError,
        )
    if look.enabled is False:
        return failed(
            "stopped",
            "The stream is off: it was interrupted, or disabled by hand.",
            "warehouse replicate run",
            ReplicationError,
        )
    still = stalled_seconds(look, earlier)
    if still >= LOCKED_SECONDS and blocked_by:
        return failed("stuck", f"The apply worker waits for {blocked_by}.", "End that session.", StreamStuck)
    workerless = not look.worker_pid and before is not None and not before.worker_pid
    if still >= (min(WORKERLESS_SECONDS, patience) if workerless else patience):
        return failed(
            "stuck",
            f"Nothing has moved for {still:,.0f} seconds, and {look.lag_bytes or 0:,} bytes wait; the apply worker "
            + ("does not run." if workerless else "runs."),
            "Read the log of the warehouse's server, then `warehouse replicate run`.",
            StreamStuck,
        )
    return None


def _of_the_holder(look: Sample, slot: str, *, ours: bool) -> Finding:
    if ours:
        return failed(
            "stuck",
            f"Our sender (process {look.slot_held_by} at the source) has not noticed that its connection broke.",
            "Wait a minute (wal_sender_timeout at the source), then `warehouse replicate run`.",
            StreamStuck,
        )
    return failed(
        "slot_taken",
        f"Another consumer reads the slot {slot} (process {look.slot_held_by} at the source): what it takes never "
        "reaches the warehouse.",
        "At the source: select * from pg_stat_replication; stop that consumer, then `warehouse replicate run`.",
        SlotTaken,
    )


def of_the_budget(measured: Rates, *, moves: bool) -> Finding | None:
    """Whether the slot retains more WAL than the budget allows, or soon will."""
    if measured.retained_bytes is None or measured.budget_bytes is None:
        return None
    gigabytes = f"{measured.retained_bytes / 1e9:,.2f} of {measured.budget_bytes / 1e9:,.2f} GB"
    if measured.retained_bytes >= measured.budget_bytes:
        return failed(
            "wal_budget",
            f"The slot is retaining more WAL at the source than the budget allows: {gigabytes}.",
            "Restart the stream (`warehouse replicate run`); if a long transaction holds it back, end that.",
            WalBudgetExceeded,
        )
    left = measured.seconds_until_full
    if not moves and left is not None and left < WARN_HOURS * 3600:
        return warning(
            "wal_budget_soon",
            f"At this rate the source's WAL budget is used up in {left / 3600:,.1f} hours ({gigabytes}).",
            "Restart the stream: `warehouse replicate run`.",
        )
    return None


def of_alterations(publication: Sequence[str], replica: Sequence[str], hands: Sequence[str]) -> list[Finding]:
    """What was altered by hand, at the source or in the warehouse."""
    found = []
    if publication:
        found.append(
            failed(
                "publication_altered",
                f"The publication was altered by hand: {some(publication)}.",
                "warehouse replicate drift shows it; `warehouse replicate apply` restores it.",
                PublicationAltered,
            )
        )
    if replica:
        found.append(
            failed(
                "replica_altered",
                f"The replica was altered by hand: {some(replica)}.",
                "`warehouse replicate repair` restores what keeps the history, and compares. Undo the rest.",
                ReplicaAltered,
            )
        )
    if hands:
        found.append(
            failed(
                "rows_altered",
                f"Rows of the replica were written by hand: {some(hands)}.",
                "warehouse replicate repair --compare restores them from the source.",
                ReplicaAltered,
            )
        )
    return found


def of_clocks(disagreements: Sequence[str]) -> Finding | None:
    """Whether commit times can be trusted."""
    if not disagreements:
        return None
    return failed(
        "clocks_disagree",
        f"Clocks disagree: {some(disagreements)}. Times in the history may be off by that.",
        "Set both servers' clocks by NTP (chronyc tracking); warehouse replicate clocks shows what was wrong.",
        ClocksDisagree,
    )


def of_a_conflict(what: str) -> Finding:
    """A transaction cannot be applied."""
    return failed(
        "conflict",
        f"A transaction cannot be applied: {what}",
        "warehouse replicate conflicts",
        ApplyConflict,
    )


ORDER = (
    "source_rewound",
    "other_source",
    "source_moved",
    "slot_lost",
    "slot_taken",
    "subscription_altered",
    "conflict",
    "source_harmed",
    "publication_altered",
    "replica_altered",
    "secrets_found",
    "rows_altered",
    "meaning_changed",
    "restarted",
    "deletes_held",
    "gap",
    "differs",
    "stuck",
    "wal_budget",
    "stopped",
    "no_subscription",
    "rule_changed",
    "structure_held",
    "commit_times_off",
    "history_differs",
    "clocks_disagree",
    "skipped_by_hand",
    "altered_meanwhile",
)
"""Codes of findings: what has to be decided first stands first."""

_STATES: dict[str, State] = {
    "source_rewound": "rewound",
    "other_source": "rewound",
    "source_moved": "rewound",
    "slot_lost": "slot lost",
    "slot_taken": "slot taken",
    "conflict": "conflict",
    "stuck": "stuck",
    "stopped": "stopped",
    "no_subscription": "stopped",
}


def ordered(reasons: Sequence[Finding]) -> list[Finding]:
    """The findings, what has to be decided first before what can wait; warnings last."""
    return sorted(reasons, key=lambda r: (r.state != "failed", ORDER.index(r.code) if r.code in ORDER else len(ORDER)))


def state_of(epoch_state: str, look: Sample, reasons: Sequence[Finding], since: datetime | None) -> State:
    """One word for how the stream stands. Altered rows or publications are findings, but the stream continues.

    Args:
        since: when the stream began, for one that has brought no transaction yet.
    """
    if epoch_state == "copying":
        return "copying"
    for reason in ordered(reasons):
        if reason.code in _STATES:
            return _STATES[reason.code]
    newest = look.newest_commit_at or since
    waits = (look.lag_bytes or 0) > BEHIND_BYTES
    is_quiet = newest is not None and (look.source_at - newest).total_seconds() > QUIET_SECONDS and not waits
    return "quiet" if is_quiet else "streaming"


def some(items: Sequence[str]) -> str:
    """The first of many, in words."""
    return "; ".join(items[:5]) + (f"; and {len(items) - 5} more" if len(items) > 5 else "")
