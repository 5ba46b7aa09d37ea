"""Which set of change files is owed: one that was begun; else the next, once a day is over at the source."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg

from warehouse.core.contracts import Contract
from warehouse.core.database import one
from warehouse.deliver.change_files import records
from warehouse.deliver.change_files.records import Recorded, Span
from warehouse.deliver.change_files.standing import FIRST, Standing, find_standing, why_a_series_begins
from warehouse.deliver.edition import SERIES, ChangeSet, edition_of
from warehouse.deliver.states import State

_LONDON = ZoneInfo("Europe/London")
_IS_TAKEN = "select 1 from ledger.deliveries where delivery_id = %s"


@dataclass(frozen=True)
class OwedSet:
    """A set that is owed.

    Attributes:
        span: None for one about which a person decides.
        state: of its row in the ledger; None when it has none.
        given_up: begun, and not to be finished: it tells what may not be told any more.
    """

    edition: ChangeSet
    span: Span | None
    state: State | None
    given_up: bool = False


def owed_set(connection: psycopg.Connection, contract: Contract, destination: str) -> OwedSet | None:
    """The set that is owed now; None when the last one is of today, or the stream has brought nothing yet.

    Raises:
        ChangesHeld: the replica does not stream, or a person is being erased.
    """
    begun = records.unfinished(connection, contract)
    if begun and begun[0][1] is State.VANISHED:
        return OwedSet(_set(contract, begun[0][0]), None, State.VANISHED)
    now, last = find_standing(connection, contract), records.last_closed(connection, contract)
    why = why_a_series_begins(connection, contract, last, now, destination)
    if begun:
        edition = _set(contract, begun[0][0])
        before = records.find(connection, edition)
        if not _still_true(before, last, why, now, edition):
            return OwedSet(edition, before, begun[0][1], given_up=True)
        span = before or _span(last, why, now, edition.number)
        return OwedSet(edition, span, begun[0][1]) if span else None
    if last is not None and why is None and not _day_is_over(last, now):
        return None
    if last is not None and why is None:
        edition = ChangeSet.of(contract, last.series, last.number + 1)
    else:
        edition = _new_series(connection, contract)
    span = _span(last, why, now, edition.number)
    return OwedSet(edition, span, None) if span else None


def next_series(connection: psycopg.Connection, contract: Contract, owed: OwedSet, because: str) -> OwedSet:
    """A series in place of the set that is owed: at its destination is a set of that name which the ledger lacks."""
    assert owed.span is not None
    now = find_standing(connection, contract)
    span = _span(None, because, now, 1)
    assert span is not None
    return OwedSet(_new_series(connection, contract), span, None)


def _span(last: Recorded | None, why: str | None, now: Standing, number: int) -> Span | None:
    if now.known_before is None or now.known_at is None:
        return None
    continues = last is not None and why is None and number > 1
    return Span(
        begins=None if continues else why or FIRST,
        from_position=last.to_position if last is not None and continues else None,
        to_position=now.known_before,
        epoch_id=now.epoch_id,
        known_at=now.known_at,
        erasures=now.erasures,
        rules_followed=now.rules_followed,
    )


def _still_true(
    begun: Recorded | None, last: Recorded | None, why: str | None, now: Standing, edition: ChangeSet
) -> bool:
    """Whether a set that was begun may still be sent: it is what would be begun now, but for what came since."""
    if begun is None:
        return (edition.number == 1) == (why is not None)
    same = (begun.epoch_id, begun.erasures, begun.rules_followed) == (
        now.epoch_id,
        now.erasures,
        now.rules_followed,
    )
    follows = why is None and last is not None and begun.from_position == last.to_position
    return same and begun.to_position <= (now.known_before or 0) and (begun.number == 1 or follows)


def _day_is_over(last: Recorded, now: Standing) -> bool:
    if now.known_at is None or now.known_before is None or now.known_before <= last.to_position:
        return False
    return _day(now.known_at) > _day(last.known_at)


def _day(moment: datetime) -> date:
    return moment.astimezone(_LONDON).date()


def _new_series(connection: psycopg.Connection, contract: Contract) -> ChangeSet:
    moment: datetime = one(connection, "select clock_timestamp()")[0]
    while True:
        edition = ChangeSet.of(contract, f"{moment.astimezone(UTC):{SERIES}}", 1)
        if not connection.execute(_IS_TAKEN, (edition.delivery_id,)).fetchone():
            return edition
        moment += timedelta(seconds=1)


def _set(contract: Contract, delivery_id: str) -> ChangeSet:
    edition = edition_of(contract, delivery_id)
    assert isinstance(edition, ChangeSet), delivery_id
    return edition
