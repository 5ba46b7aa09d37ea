"""Commit times that can be true: pure rules for the time of a transaction in the order in which it was committed.

The stream is applied in the order of commits, so the numbers of its transactions here are that order. It is certain,
and clocks are not: a time that contradicts it is replaced by the one before it in the order; the source's word is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from warehouse.replicate.catalog.clocks import TOLERANCE

FURTHEST_AHEAD = timedelta(hours=1)
"""A source whose clock is ahead of the warehouse's by more than this is not asked what the time is."""

FOLLOWING = 5
"""A time that is later than those of so many transactions after it is wrong, and not all of them."""


@dataclass(frozen=True)
class Jump:
    """Times that were replaced, for ledger.clock_jumps; its comment says what the kinds are."""

    kind: Literal["ahead", "back", "order"]
    transactions: int
    first_xid: int
    seconds: float


@dataclass(frozen=True)
class Span:
    """The transactions of a pass: those with numbers from `first` up to, and without, `next`.

    Attributes:
        before: the latest commit time of the stream until then; by a clock that was read late.
        certain: the same; the time of the snapshot that the slot began with, once transactions.place_snapshot() has
            placed it.
        latest: the moment after which none of them can have been committed.
        times_lost: PostgreSQL does not have every commit time of them any more.
    """

    first: int
    next: int
    before: datetime | None
    certain: datetime | None
    latest: datetime
    times_lost: bool


def ceiling(source_now: datetime, warehouse_now: datetime) -> datetime:
    """The moment after which nothing can have been committed that has been applied."""
    return warehouse_now if source_now - warehouse_now > FURTHEST_AHEAD else source_now


def placed(
    committed: Sequence[tuple[int, datetime]], before: datetime | None, latest: datetime
) -> tuple[dict[int, datetime], list[Jump]]:
    """The times to write down instead of the source's, for those that cannot be true.

    Args:
        committed: transaction numbers in their order, with the source's commit times.
        before: the latest time that was written down before them; None when there is none.
        latest: see ceiling().
    """
    changed: dict[int, datetime] = {}
    ahead, back = list[tuple[int, float]](), list[tuple[int, float]]()
    floor = before
    for place, (xid, said) in enumerate(committed):
        following = [at for _, at in committed[place + 1 : place + 1 + FOLLOWING]]
        is_ahead = said > latest + TOLERANCE or (
            len(following) == FOLLOWING and said > max(following) + TOLERANCE and (floor is None or said > floor)
        )
        is_back = floor is not None and said < floor - TOLERANCE
        if not is_ahead and not is_back:
            floor = said if floor is None else max(floor, said)
            continue
        at = min(floor, latest) if floor is not None else latest
        changed[xid] = at
        (ahead if is_ahead else back).append((xid, abs((said - at).total_seconds())))
    jumps: list[Jump] = []
    if ahead:
        jumps.append(Jump("ahead", len(ahead), ahead[0][0], max(seconds for _, seconds in ahead)))
    if back:
        jumps.append(Jump("back", len(back), back[0][0], max(seconds for _, seconds in back)))
    return changed, jumps
