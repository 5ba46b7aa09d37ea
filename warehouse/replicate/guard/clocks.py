"""Clocks that disagree. History has the source's commit times, so a source whose clock is wrong makes history wrong.

It is told, and nothing is changed: what was written down is what the source said.
"""

from __future__ import annotations

import psycopg

from warehouse.replicate.epochs import Epoch
from warehouse.replicate.guard.looks import Clocks, Look

TOLERANCE_SECONDS = 5.0
"""Machines that keep their time by NTP are within a fraction of a second of each other. Commit times may also stand a
little out of order by themselves: the time is taken just before the commit is written."""

_BEFORE = 5
"""A commit time is held against the earliest of so many before it: a large transaction that was streamed while it was
still going on has an earlier number here and a later time, and there are never so many of those at once."""

_BACKWARDS = """
select count(*), max(earliest - committed_at), max(committed_at)
from (
    select
        committed_at,
        min(committed_at) over before as earliest,
        count(*) over before as compared
    from (
        select xid, committed_at from ledger.transactions
        where epoch_id = %(epoch)s and kind = 'stream' order by xid desc limit 100000
    ) as t
    window before as (order by xid rows between %(before)s preceding and 1 preceding)
) as t
where compared = %(before)s and committed_at < earliest - make_interval(secs => %(tolerance)s)
    and committed_at > %(since)s - interval '1 day'
"""


def disagreements(warehouse: psycopg.Connection, epoch: Epoch, look: Look, clocks: Clocks) -> list[str]:
    """What is wrong with the clocks, one sentence each; commit times of the last day are looked at."""
    row = warehouse.execute(
        _BACKWARDS,
        {"epoch": epoch.epoch_id, "before": _BEFORE, "tolerance": TOLERANCE_SECONDS, "since": look.source_at},
    ).fetchone()
    jumps, back = (int(row[0]), row[1].total_seconds() if row[1] else 0.0) if row else (0, 0.0)
    return judge(look, clocks, jumps, back)


def judge(look: Look, clocks: Clocks, jumps: int, back_seconds: float) -> list[str]:
    """The sentences for what was measured.

    Args:
        jumps: how often commit times went backwards by more than the tolerance.
        back_seconds: by how much at most.
    """
    told = []
    # Known for certain only as far as the two could be read at one moment.
    if abs(clocks.skew_seconds) - clocks.uncertainty_seconds > TOLERANCE_SECONDS:
        ahead = "ahead of" if clocks.skew_seconds > 0 else "behind"
        told.append(f"The source's clock is {abs(clocks.skew_seconds):,.1f} s {ahead} the warehouse's")
    if look.newest_commit_at:
        future = (look.newest_commit_at - look.source_at).total_seconds()
        if future > TOLERANCE_SECONDS:
            told.append(f"the newest change was committed {future:,.1f} s in the future of the source's own clock")
    if jumps:
        told.append(f"commit times went backwards {jumps:,} times in the last day, by up to {back_seconds:,.1f} s")
    return told
