"""What an attempt that did not end well left at the destination, and what becomes of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from warehouse.core.contracts import Contract
from warehouse.core.errors import DestinationRefused
from warehouse.deliver.destinations import Destination
from warehouse.deliver.ledger import Ledger, RecordedFile
from warehouse.deliver.manifest import manifest_name
from warehouse.deliver.periods import Month


def conflict(destination: Destination, name: str, what: str) -> DestinationRefused:
    """Something of a delivery's name is there that this warehouse will not touch."""
    return DestinationRefused(
        f"At the destination {destination.where} there is {name} already, {what}.",
        meaning="A delivered file is never overwritten, so nothing was sent and nothing there was changed.",
        next_command="Find out with the recipient who wrote it. If it is to go, have it removed there, then run "
        "`warehouse deliver`.",
    )


def adopt(ledger: Ledger, destination: Destination, contract: Contract, period: Month, delivery: str) -> bool:
    """Take a delivery as done whose manifest an earlier attempt wrote before it was stopped.

    Everything is read back: the manifest against what the ledger wrote down before it was sent, and each data file.

    Args:
        delivery: its id; its row stands at failed.

    Returns:
        Whether it had been delivered; it is closed then.

    Raises:
        DestinationRefused: the manifest is there, but its files are not what it says.
    """
    found = destination.read(manifest_name(contract, period))
    if found is None:
        return False
    digest, recorded = hashlib.sha256(found).hexdigest(), ledger.recorded_files(delivery)
    attempts = [one.attempt for one in recorded if one.facts.kind == "manifest" and one.facts.sha256 == digest]
    if not attempts:
        return False  # not known to be ours: the attempt to come builds its files and compares
    files = [one.facts for one in recorded if one.attempt == attempts[0] and one.facts.kind == "data"]
    for facts in files:
        if not destination.matches(facts):
            raise conflict(destination, facts.name, "delivered with a manifest, but no longer what the manifest says")
    rows, size = sum(facts.rows or 0 for facts in files), sum(facts.bytes for facts in files)
    ledger.adopted(delivery, attempts[0], rows, size, digest)
    ledger.closed(delivery)
    return True


def clean(
    ledger: Ledger,
    destination: Destination,
    contract: Contract,
    period: Month,
    delivery: str,
    keep: Iterable[str] = (),
) -> None:
    """Remove what earlier attempts left behind: partial files, and files of names that the delivery no longer has.

    Where a manifest is, nothing but partial files is touched.

    Args:
        keep: names that the present attempt will write itself.
    """
    recorded = ledger.recorded_files(delivery)
    if not recorded:
        return
    if destination.has_partials:
        for one in recorded:
            if one.partial_name:
                destination.remove(one.partial_name)
    if destination.read(manifest_name(contract, period)) is None:
        for name in sorted(_data_names(recorded) - set(keep)):
            destination.remove(name)


def _data_names(recorded: Iterable[RecordedFile]) -> set[str]:
    return {one.facts.name for one in recorded if one.facts.kind == "data"}
