"""Which deliveries are owed on a day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol

from warehouse.core.contracts import Contract
from warehouse.deliver.edition import Edition, edition_of
from warehouse.deliver.periods import latest_owed
from warehouse.deliver.states import State


class KnowsStates(Protocol):
    """A ledger, as far as this question needs one."""

    def states(self) -> Mapping[str, State]:
        """The state of each delivery by its id."""


@dataclass(frozen=True)
class Owed:
    """A delivery that is owed, or that was and cannot be made any more.

    Attributes:
        action: "deliver"; "miss" for an earlier period, as a snapshot cannot be made after the fact; "decide" for one
            whose files vanished, about which a person decides.
        state: of its row in the ledger; None when it has none.
    """

    edition: Edition
    action: Literal["deliver", "miss", "decide"]
    state: State | None

    @property
    def delivery_id(self) -> str:
        return self.edition.delivery_id

    @property
    def contract(self) -> Contract:
        return self.edition.contract


def due(contracts: Iterable[Contract], ledger: KnowsStates, today: date) -> list[Owed]:
    """What is owed on a day, earlier periods first within each contract.

    A closed period is never due. Only the latest whole month is delivered; months between the first one in the
    ledger and it that were not closed are to be written down as missed: today's rows are never sent under the name of
    an earlier month. The same holds for a revision that a person asked for and that was not finished.

    Args:
        contracts: all that there are.
        ledger: what was done before.
        today: the business date.
    """
    states, owed = ledger.states(), []
    for contract in contracts:
        latest = latest_owed(today, contract.schedule.due_day)
        known = [edition for name in states if (edition := edition_of(contract, name))]
        period = min([*(edition.period for edition in known if edition.revision == 1), latest])
        while period <= latest:
            edition = Edition(contract, period)
            owed += _owed(edition, states.get(edition.delivery_id), "deliver" if period == latest else "miss")
            period = period.next()
        later = sorted(
            (edition for edition in known if edition.revision > 1), key=lambda one: (one.period, one.revision)
        )
        for edition in later:
            owed += _owed(edition, states[edition.delivery_id], "deliver" if edition.period == latest else "miss")
    return owed


def _owed(edition: Edition, state: State | None, action: Literal["deliver", "miss"]) -> list[Owed]:
    if state is State.VANISHED:
        return [Owed(edition, "decide", state)]
    return [] if state is not None and state.is_final else [Owed(edition, action, state)]
