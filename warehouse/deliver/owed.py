"""Which deliveries are owed on a day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, Protocol

from warehouse.core.contracts import Contract
from warehouse.deliver.change_files.records import Span
from warehouse.deliver.edition import Edition, edition_of
from warehouse.deliver.periods import Days, Month, days_between, latest_owed
from warehouse.deliver.states import State

Action = Literal["deliver", "catch up", "decide"]


class KnowsStates(Protocol):
    """A ledger, as far as this question needs one."""

    def states(self) -> Mapping[str, State]:
        """The state of each delivery by its id."""


@dataclass(frozen=True)
class Owed:
    """A delivery that is owed, or that was and cannot be made any more.

    Attributes:
        action: "deliver"; "catch up" for an earlier period that no run came for, or a revision of one that was not
            finished, which is made from history; "decide" for one whose files vanished, about which a person decides.
        state: of its row in the ledger; None when it has none.
        span: what a set of change files tells of; None of an extract.
    """

    edition: Edition
    action: Action
    state: State | None
    span: Span | None = None

    @property
    def doing(self) -> str:
        """What a run would do, in words."""
        waits = self.state is State.VERIFIED and self.edition.acknowledgement is not None
        return "look for the acknowledgement" if waits else self.action

    @property
    def delivery_id(self) -> str:
        return self.edition.delivery_id

    @property
    def contract(self) -> Contract:
        return self.edition.contract


def due(contracts: Iterable[Contract], ledger: KnowsStates, today: date, calendar: date | None = None) -> list[Owed]:
    """What is owed on a day, earlier periods first within each contract. A closed period is never due.

    Args:
        contracts: all that there are; under a draft, and under one that is retired, nothing is owed.
        ledger: what was done before.
        today: the business date.
        calendar: the date at the source: no day is over before it is over there, whatever the business date.
    """
    states = ledger.states()
    owed: list[Owed] = []
    for contract in (one for one in contracts if one.status.is_delivered):
        known = sorted(
            (edition for name in states if (edition := edition_of(contract, name))),
            key=lambda one: (one.revision > 1, one.period, one.revision),
        )
        if contract.schedule.every == "day":
            owed += _days(contract, known, states, min(today, calendar or today))
        else:
            owed += _months(contract, known, states, today)
    return owed


def _months(contract: Contract, known: list[Edition], states: Mapping[str, State], today: date) -> Iterator[Owed]:
    """Only the latest whole month is delivered from the published build.

    Months between the first one in the ledger and it that were not closed are made from history, in order: today's rows
    are never sent under the name of an earlier month, also not in a revision that a person asked for.
    """
    latest = latest_owed(today, contract.schedule)
    period = min([*(edition.period for edition in known if isinstance(edition.period, Month)), latest])
    while period <= latest:
        edition = Edition(contract, period)
        yield from _owed(edition, states.get(edition.delivery_id), "deliver" if period == latest else "catch up")
        period = period.next()
    for edition in known:
        if edition.revision > 1:
            yield from _owed(
                edition, states[edition.delivery_id], "deliver" if edition.period == latest else "catch up"
            )


def _days(contract: Contract, known: list[Edition], states: Mapping[str, State], today: date) -> Iterator[Owed]:
    """What was begun and not finished, in order; then all days since.

    Rows belong to a period by a day of their own, so an earlier one can be made at any time. Nothing is between two
    periods: each begins with the day after the one before it, whatever became of that.
    """
    for edition in known:
        yield from _owed(edition, states[edition.delivery_id], "deliver")
    periods = [edition.period for edition in known if isinstance(edition.period, Days)]
    if periods:
        following = max(periods).until(today)
    else:
        following = days_between(contract.schedule.first_day or today - timedelta(days=1), today)
    if following:
        yield Owed(Edition(contract, following), "deliver", None)


def _owed(edition: Edition, state: State | None, action: Action) -> list[Owed]:
    if state is State.VANISHED:
        return [Owed(edition, "decide", state)]
    return [] if state is not None and state.is_final else [Owed(edition, action, state)]
