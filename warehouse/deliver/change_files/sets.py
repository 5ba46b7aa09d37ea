"""The sets of change files that a run delivers: first what is to be given up, then the one that is owed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg

from warehouse.core.contracts import Contract
from warehouse.core.destinations import describe
from warehouse.core.errors import DeliveryError
from warehouse.core.settings import Settings
from warehouse.deliver.change_files.owed import OwedSet, next_series, owed_set
from warehouse.deliver.destinations import open_destination
from warehouse.deliver.owed import Owed
from warehouse.deliver.recover import adopt, clean
from warehouse.deliver.report import DeliveryReport
from warehouse.deliver.run import Run
from warehouse.deliver.states import State

_RESTORED = "restored: the destination has a set of the next number, which this warehouse does not know"


def due_set(connection: psycopg.Connection, contract: Contract, settings: Settings) -> Owed | None:
    """The set that a run would deliver now; None when none is owed.

    Raises:
        ChangesHeld: none can be made.
    """
    found = owed_set(connection, contract, describe(settings.destination(contract.recipient)))
    return None if found is None else _owed(found)


def deliver_sets(run: Run, contract: Contract) -> Iterator[DeliveryReport]:
    """Deliver the set that is owed. One that was begun and tells what may not be told any more is taken back first.

    Raises:
        ChangesHeld: none can be made.
        WarehouseError: what was begun could not be taken back.
    """
    destination = describe(run.world.settings.destination(contract.recipient))
    owed = owed_set(run.connection, contract, destination)
    while owed is not None and owed.given_up:
        _give_up(run, owed)
        owed = owed_set(run.connection, contract, destination)
    if owed is None:
        return
    if owed.state is None and _is_there(run, owed):
        owed = next_series(run.connection, contract, owed, _RESTORED)
    yield run.one(_owed(owed))


def _owed(found: OwedSet) -> Owed:
    return Owed(found.edition, "decide" if found.state is State.VANISHED else "deliver", found.state, found.span)


def _is_there(run: Run, owed: OwedSet) -> bool:
    """Whether a set of that name is at the destination, which an earlier state of this warehouse delivered."""
    settings = run.world.settings
    with closing(open_destination(settings.destination(owed.edition.contract.recipient), settings)) as destination:
        return destination.read(owed.edition.manifest_name) is not None


def _give_up(run: Run, owed: OwedSet) -> None:
    """Take what an attempt left away from the destination, and write down that the set will not come.

    Where its manifest is there after all it was delivered, and the series that begins replaces it.
    """
    name, entry = owed.edition.delivery_id, run.ledger.entry(owed.edition.delivery_id)
    assert entry is not None
    if entry.state is not State.FAILED:
        run.ledger.failed(name, None)
    if run.ledger.recorded_files(name):
        with closing(open_destination(entry.destination or "", run.world.settings)) as destination:
            if adopt(run.ledger, destination, owed.edition, run.progress):
                return
            clean(run.ledger, destination, owed.edition, run.progress)
    run.progress.say(f"{name} is given up: another series begins")
    run.ledger.miss(owed.edition, _GIVEN_UP)


_GIVEN_UP = DeliveryError(
    "The set was begun, and then the replica or what may be sent became another.",
    meaning="What was sent of it was taken away. The set that begins the next series tells everything.",
    next_command="warehouse deliveries list",
)
