"""Tables that are published and not applied: PostgreSQL skips the changes of a table that a subscription lacks.

A refresh makes the subscription know what is published. With copy_data it copies each table that it takes up, which
fails on one that the replica has already and stops the stream of all. So those are taken up without, and only
tables that were just made are copied.
"""

from __future__ import annotations

from collections.abc import Iterator

from warehouse.core.database import one
from warehouse.replicate.catalog import known_meanings
from warehouse.replicate.drift import new_tables
from warehouse.replicate.drift.both_sides import Catalogs
from warehouse.replicate.drift.difference import Difference
from warehouse.replicate.drift.work import Work
from warehouse.replicate.ledger import column_states
from warehouse.replicate.stream import subscribed, subscription

_OPEN_GAP = """
select exists (
    select from ledger.gaps as g join ledger.gap_tables as t using (gap_id)
    where g.repaired_at is null and g.new_epoch = %s and t.table_name = %s
)
"""


def of_subscription(now: Catalogs) -> Iterator[Difference]:
    """What was altered of the subscription itself, and not by us."""
    for altered in now.altered:
        gap = "; the gap is recorded, and `warehouse replicate repair` fills it" if altered.loses else ""
        yield Difference("subscription", "", None, altered.what, f"restored{gap}")


def of_table(now: Catalogs, table: str) -> Iterator[Difference]:
    """A published table of the replica whose changes are not applied."""
    if table not in not_applied(now):
        return
    if table in now.subscribed:
        yield Difference(
            "subscribe",
            table,
            None,
            "the subscription is set to copy it once more, which stops the stream",
            "`warehouse replicate repair` creates the subscription again, and compares",
            "decision",
            pending=False,
        )
        return
    yield Difference(
        "subscribe",
        table,
        None,
        "it is published, and the subscription does not apply its changes",
        "taken up, and the gap recorded; `warehouse replicate repair` fills it",
    )


def not_applied(now: Catalogs) -> list[str]:
    """The tables that are published and whole in the warehouse, but whose changes the subscription does not apply."""
    return [
        table
        for table in now.sends
        if table in now.replica
        and now.state(table) not in ("copying", "held")
        and now.subscribed.get(table) != subscribed.READY
    ]


def is_due(now: Catalogs) -> bool:
    """Whether the subscription lacks a table of the replica, or has one that is not published."""
    return bool(_unknown(now) or now.subscribed.keys() - now.sends.keys())


def _unknown(now: Catalogs) -> list[str]:
    return [table for table in not_applied(now) if table not in now.subscribed]


def take_up(work: Work) -> None:
    """Have the subscription apply what is published and in the replica, and drop what is not published. Copies nothing.

    Raises:
        StreamStuck: the stream is off, and PostgreSQL refuses.
        MissingPrivilege: a table whose copy is not complete cannot be taken out of the publication meanwhile.
    """
    now = work.seen()
    if not is_due(now):
        return
    back = _unknown(now)
    for table in now.sends:
        # Without copy_data it would be taken for whole.
        if now.state(table) == "copying" and table not in now.subscribed:
            work.publish(table, [])
    for table in back:
        # Before it is taken up: a kill in between leaves the gap on record.
        missed(work, table, "it was published, and the subscription did not apply its changes")
    new_tables.refresh(work, copy_data=False)
    for table in back:
        column_states.put(work.warehouse, table, "", "complete", "taken up again; the gap is in ledger.gaps")
        if table in now.meanings:
            # The gap's repair compares it whole, whatever its names have come to mean meanwhile.
            known_meanings.note(work.warehouse, now.meanings, table, sorted(now.sends[table]))
        work.record(Difference("subscribe", table, None, "", ""), "taken up again by the subscription")
    work.altered()


def missed(work: Work, table: str, reason: str) -> None:
    """Write down that changes of a table were missed, unless a gap of it waits for its repair already."""
    (is_known,) = one(work.warehouse, _OPEN_GAP, (work.epoch.epoch_id, table))
    if not is_known:
        work.open_gap([table], reason)


def set_right(work: Work, now: Catalogs) -> None:
    """Make the subscription itself what it was. It stays off when it has read from another slot: a run checks ours."""
    was_on = subscription.is_enabled(work.warehouse, work.name)
    if any(altered.loses for altered in now.altered):
        work.open_gap(now.replica, f"the subscription was altered: {now.altered[0].what}")
    subscribed.set_right(work.warehouse, work.epoch, now.altered)
    if was_on and all(altered.column != "subslotname" for altered in now.altered):
        subscription.enable(work.warehouse, work.name)
    for difference in of_subscription(now):
        work.record(difference, f"{difference.what}; {difference.will}")
    work.altered()
