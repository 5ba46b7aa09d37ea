"""Which deliveries are owed on a day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol

from warehouse.core.contracts import Contract
from warehouse.deliver.periods import Month, latest_owed
from warehouse.deliver.states import State


class KnowsStates(Protocol):
    """A ledger, as far as this question needs one."""

    def states(self) -> Mapping[str, State]:
        """The state of each delivery by its id."""


@dataclass(frozen=True)
class Owed:
    """A period that is owed, or that was and cannot be made any more.

    Attributes:
        action: "deliver", or "miss" for an earlier period: a snapshot cannot be made after the fact yet.
        state: where it stands in the ledger; None when it is not there.
    """

    contract: Contract
    period: Month
    action: Literal["deliver", "miss"]
    state: State | None

    @property
    def delivery_id(self) -> str:
        return delivery_id(self.contract, self.period)


def delivery_id(contract: Contract, period: Month) -> str:
    """What a delivery is called, such as "dandi/teachers/2026-09"."""
    return f"{contract.recipient}/{contract.name}/{period}"


def due(contracts: Iterable[Contract], ledger: KnowsStates, today: date) -> list[Owed]:
    """What is owed on a day, earlier periods first within each contract.

    A closed period is never due. Only the latest whole month is delivered; months between the first one in the
    ledger and it that were not closed are to be written down as missed.

    Args:
        contracts: all that there are.
        ledger: what was done before.
        today: the business date.
    """
    states, owed = ledger.states(), []
    for contract in contracts:
        latest = latest_owed(today, contract.schedule.due_day)
        prefix = f"{contract.recipient}/{contract.name}/"
        known = [Month.parse(name.removeprefix(prefix)) for name in states if name.startswith(prefix)]
        period = min([*known, latest])
        while period <= latest:
            state = states.get(delivery_id(contract, period))
            if state is None or not state.is_final:
                owed.append(Owed(contract, period, "deliver" if period == latest else "miss", state))
            period = period.next()
    return owed
