"""What was sent, or may have been, and is not to be found there: a person decides what becomes of it."""

from __future__ import annotations

from collections.abc import Iterable

from warehouse.core.contracts import Contract, Proof
from warehouse.core.errors import FilesVanished
from warehouse.deliver.destinations import Destination
from warehouse.deliver.edition import Edition
from warehouse.deliver.ledger_records import RecordedFile


def vanished(edition: Edition, where: str, names: Iterable[str]) -> FilesVanished:
    """The error that leaves the decision to a person."""
    listed = ", ".join(sorted(names)) or "What was sent"
    delivery = edition.delivery_id
    hint = ""
    if edition.contract.proof is Proof.READ_BACK:
        hint = " If they take files by agreement, set `confirmation: pickUp` in the contract."
    return FilesVanished(
        f"{listed}: sent to {where}, and not to be seen there. The recipient may have taken it, the place may not show "
        "what is there, or a run may have died just before it was there.",
        meaning="Nothing is sent again automatically, so that nothing arrives twice.",
        next_command=f"Ask {edition.contract.recipient}. They have it: `warehouse deliveries received {delivery} "
        f'--because "…"`. They do not: `warehouse deliveries resend {delivery} --because "…"`.{hint}',
    )


def sent(recorded: Iterable[RecordedFile]) -> list[RecordedFile]:
    """The newest record of each file that may be at the destination or with the recipient."""
    newest: dict[str, RecordedFile] = {}
    for one in recorded:  # the newest attempt first
        if one.confirmed or one.naming:
            newest.setdefault(one.facts.name, one)
    return [one for one in newest.values() if not one.removed]


def check_nothing_vanished(edition: Edition, destination: Destination, recorded: Iterable[RecordedFile]) -> None:
    """Make sure that what earlier attempts sent is still where it was sent.

    Raises:
        FilesVanished: something of it is not to be found.
        DestinationRefused: the place does not say.
    """
    if edition.contract.proof is Proof.WRITE_ONLY:
        return
    gone = [one.facts.name for one in sent(recorded) if destination.matches(one.facts) is None]
    if gone:
        raise vanished(edition, destination.where, gone)


def check_no_manifest_taken(edition: Edition, destination: Destination, recorded: Iterable[RecordedFile]) -> None:
    """Make sure that the recipient has no manifest yet, where all data files are with them.

    Raises:
        FilesVanished: one may have been made, and nobody can see whether it was.
    """
    manifests = [one.facts.name for one in sent(recorded) if one.facts.kind == "manifest" and not one.confirmed]
    if manifests:
        raise vanished(edition, destination.where, manifests)


def unnamed(destination: Destination, recorded: Iterable[RecordedFile]) -> list[RecordedFile]:
    """Files that were whole and about to get their names when the process died, and did not get them."""
    if not destination.has_partials:
        return []
    return [
        one
        for one in recorded
        if one.naming and not (one.confirmed or one.removed) and _has_partial_name_alone(destination, one)
    ]


def _has_partial_name_alone(destination: Destination, one: RecordedFile) -> bool:
    if one.partial_name is None or destination.matches(one.facts) is not None:
        return False
    return destination.read(one.partial_name) is not None


def all_sent(recorded: Iterable[RecordedFile], attempt: int) -> bool:
    """Whether each data file of an attempt was sent, and confirmed."""
    data = [one for one in recorded if one.attempt == attempt and one.facts.kind == "data"]
    return bool(data) and all(one.confirmed and not one.removed for one in data)


def may_be_taken(contract: Contract) -> bool:
    """Whether the recipient takes files away by agreement."""
    return contract.proof is Proof.PICK_UP
