"""What an attempt that did not end well left at the destination, and what becomes of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from warehouse.core import data_package
from warehouse.core.contracts import Proof
from warehouse.core.errors import DeliveryError, DestinationRefused
from warehouse.core.progress import Progress
from warehouse.deliver.acknowledged import settle
from warehouse.deliver.destinations import Destination
from warehouse.deliver.destinations.base import Doing, conflict
from warehouse.deliver.edition import Edition
from warehouse.deliver.files import facts_of
from warehouse.deliver.ledger import Ledger
from warehouse.deliver.ledger_records import RecordedFile
from warehouse.deliver.manifests import manifest_of
from warehouse.deliver.outbox import Outbox
from warehouse.deliver.upload import Sending
from warehouse.deliver.vanished import (
    all_sent,
    check_no_manifest_taken,
    check_nothing_vanished,
    may_be_taken,
    unnamed,
    vanished,
)


def adopt(ledger: Ledger, destination: Destination, edition: Edition, progress: Progress) -> bool:
    """Take a delivery as done whose manifest an earlier attempt wrote before it was stopped.

    Everything is read back: the manifest against what the ledger wrote down before it was sent, and each data file.
    Where the contract says that files may be taken or not be read, the confirmation in the ledger is as good.

    Args:
        edition: its row is at failed.

    Returns:
        Whether it had been delivered; it is closed then.

    Raises:
        DestinationRefused: the manifest is there, but its files are not what it says; or the place does not say.
        FilesVanished: the manifest is there, and its files are not.
    """
    recorded, contract = ledger.recorded_files(edition.delivery_id), edition.contract
    manifests = [one for one in recorded if one.facts.kind == "manifest"]
    found = None if contract.proof is Proof.WRITE_ONLY else destination.read(edition.manifest_name)
    if found is not None:
        digest = hashlib.sha256(found).hexdigest()
        known = [one for one in manifests if one.facts.sha256 == digest]
    elif contract.proof is Proof.READ_BACK:
        return False
    else:
        known = [one for one in manifests if one.confirmed and not one.removed]
    if not known:
        return False  # not known to be ours: the attempt to come builds its files and compares
    attempt = known[0].attempt
    files = [one.facts for one in recorded if one.attempt == attempt and one.facts.kind == "data"]
    gone = []
    for facts in files if contract.proof is not Proof.WRITE_ONLY else []:
        there = destination.matches(facts)
        if there is False:
            raise conflict(destination, facts.name, "delivered with a manifest, but no longer what the manifest says")
        if there is None and not may_be_taken(contract):
            gone.append(facts.name)
    if gone:
        raise vanished(edition, destination.where, gone)
    # In a folder a file has both its names for a moment, and nobody comes by once the delivery is closed.
    _remove_partials(destination, recorded, progress)
    rows, size = sum(facts.rows or 0 for facts in files), sum(facts.bytes for facts in files)
    ledger.adopted(edition.delivery_id, attempt, rows, size, known[0].facts.sha256)
    settle(ledger, destination, edition)
    return True


def look_back(ledger: Ledger, destination: Destination, edition: Edition, outbox: Outbox, progress: Progress) -> bool:
    """See to what earlier attempts sent; true when the delivery is done now.

    Args:
        destination: where they sent it, and where the next one will.

    Raises:
        FilesVanished: something of it is not to be found: nothing is sent before a person decides.
        DestinationRefused: the place does not say.
    """
    recorded, entry = ledger.recorded_files(edition.delivery_id), ledger.entry(edition.delivery_id)
    assert entry is not None
    if any(one.facts.kind == "manifest" for one in recorded) and adopt(ledger, destination, edition, progress):
        return True
    if edition.contract.proof is not Proof.WRITE_ONLY:
        for one in unnamed(destination, recorded):
            # Before the partial file is removed, which is the only witness.
            ledger.naming(edition.delivery_id, one.attempt, one.facts.name, False)
        recorded = ledger.recorded_files(edition.delivery_id)
    if edition.contract.proof is not Proof.READ_BACK and all_sent(recorded, entry.attempt):
        check_no_manifest_taken(edition, destination, recorded)
        finish(ledger, destination, edition, outbox, progress)
        return True
    check_nothing_vanished(edition, destination, recorded)
    return False


def finish(
    ledger: Ledger,
    destination: Destination,
    edition: Edition,
    outbox: Outbox,
    progress: Progress,
    *,
    received: bool = False,
) -> None:
    """Write the manifest of data files that were sent, as the ledger describes them, and close the delivery.

    Args:
        received: a person said that the recipient has the files.

    Raises:
        DeliveryError: the contract is another one since.
    """
    entry = ledger.entry(edition.delivery_id)
    assert entry is not None
    if entry.contract_version != edition.contract.version:
        raise DeliveryError(
            f"The files of {edition.delivery_id} keep version {entry.contract_version} of the contract, which is at "
            f"{edition.contract.version} now.",
            meaning="Its manifest would describe other columns than the files may have. Nothing was sent.",
            next_command="Put the contract of that version back (git), and give the command again.",
        )
    recorded = ledger.recorded_files(edition.delivery_id)
    files = [one.facts for one in recorded if one.attempt == entry.attempt and one.facts.kind == "data"]
    previous = ledger.previous(edition)
    content = manifest_of(ledger, edition, entry, files)
    outbox.make_empty()
    facts = facts_of(outbox.write(data_package.NAME, content), edition.manifest_name, None, "manifest")
    ledger.verified(edition.delivery_id, facts, previous[0].delivery_id if previous else None)
    sending = Sending(edition, ledger, destination, entry.attempt, recorded, progress, lambda _: None)
    sending.write_manifest(facts, content, may_be_there=received)
    _remove_partials(destination, recorded, progress)
    if received:
        ledger.closed(edition.delivery_id)
    else:
        settle(ledger, destination, edition)


def clean(
    ledger: Ledger, destination: Destination, edition: Edition, progress: Progress, keep: Iterable[str] = ()
) -> None:
    """Remove what earlier attempts left behind: partial files, and files of names that the delivery no longer has.

    Where a manifest is, or where the place does not say whether one is, nothing but partial files is touched.

    Args:
        keep: names that the present attempt will write itself.
    """
    recorded = ledger.recorded_files(edition.delivery_id)
    if not recorded:
        return
    _remove_partials(destination, recorded, progress)
    if edition.contract.proof is Proof.WRITE_ONLY:
        return
    try:
        has_manifest = destination.read(edition.manifest_name) is not None
    except DestinationRefused as error:
        if error.denied != Doing.READING:
            raise
        return
    for name in sorted(_data_names(recorded) - set(keep)) if not has_manifest else []:
        # Written down first: a file that is removed and not written down would be taken for one that vanished.
        ledger.removed(edition.delivery_id, name)
        destination.remove(name)


def _remove_partials(destination: Destination, recorded: Iterable[RecordedFile], progress: Progress) -> None:
    for name in [one.partial_name for one in recorded if one.partial_name and destination.has_partials]:
        try:
            destination.remove(name)
        except DestinationRefused as error:
            if error.denied != Doing.REMOVING:
                raise
            progress.say(f"{name} may not be removed there")


def _data_names(recorded: Iterable[RecordedFile]) -> set[str]:
    return {one.facts.name for one in recorded if one.facts.kind == "data"}
