"""What the ledger knows of a delivery, and whether the files that it describes are still what is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import psycopg
from psycopg.rows import dict_row

from warehouse.core.contracts import Contract, Proof, load_contracts
from warehouse.core.errors import DeliveredFilesDiffer, DestinationRefused, UsageError
from warehouse.core.settings import Settings
from warehouse.deliver.destinations import Destination, open_destination
from warehouse.deliver.edition import edition_of
from warehouse.deliver.files import FileFacts
from warehouse.deliver.ledger import Ledger
from warehouse.deliver.ledger_records import Entry
from warehouse.deliver.states import State
from warehouse.deliver.taken_out import Left, TakenOut, taken_out
from warehouse.deliver.world import World

_SHOWN = """
select
    d.delivery_id as id, d.state, d.attempt, d.recipient, d.extract, d.period, d.revision, d.replaces,
    d.previous_delivery as previous, d.contract_version, d.contract_sha256, d.model, d.synthetic, d.build_id, d.as_at,
    d.known_at as known_up_to, d.destination || '/' || d.delivery_id as "where", d.rows, d.bytes, d.manifest_sha256,
    d.planned_at, d.closed_at, d.error ->> 'what' as error, d.error ->> 'next' as next
from ledger.deliveries as d where d.delivery_id = %s
"""
_FILES = """
select
    attempt, name, kind, rows, bytes, sha256, replaced as characters_replaced, formulas, fitting, content,
    singled_out, uploaded_at, removed_at
from ledger.delivery_files where delivery_id = %s order by attempt, kind, name
"""
_STEPS = """
select at, attempt, from_state as "from", to_state as "to" from ledger.delivery_states
where delivery_id = %s order by step
"""
_DECISIONS = """
select decided_at as at, decision, because, decided_by as by, rules from ledger.delivery_decisions
where delivery_id = %s order by decision_id
"""
_CLOSED = "select delivery_id from ledger.deliveries where state = 'closed' order by closed_at, delivery_id"

Found = Literal[
    "as sent",
    "as rewritten",
    "as before it was rewritten",
    "another file",
    "not there",
    "taken",
    "removed by us",
    "not readable",
]
"""What is at the destination under a file's name.

as rewritten: what an erasure or a changed rule left of it. as before it was rewritten: with all that was taken out, as
from a backup. taken: gone by agreement. removed by us: by an erasure.
"""

_WRONG: frozenset[Found] = frozenset(("as before it was rewritten", "another file", "not there"))


@dataclass(frozen=True)
class Verified:
    """A file of a delivery, as its destination has it now.

    Attributes:
        sha256: that the ledger wrote down before the file was sent, in hexadecimal.
        hint: why it could not be read, or which erasure or changed rule rewrote it; empty otherwise.
        sha256_left: of the file that the last of them left; None where none did.
    """

    delivery: str
    name: str
    sha256: str
    found: Found
    hint: str = ""
    sha256_left: str | None = None

    @property
    def in_words(self) -> str:
        """What was found, and why."""
        return f"{self.found}: {self.hint}" if self.hint else self.found

    @property
    def is_wrong(self) -> bool:
        """Whether a person has to look."""
        return self.found in _WRONG


def show(warehouse: psycopg.Connection, delivery_id: str) -> dict[str, Any]:
    """All that the ledger has of one delivery: what it rests on, each attempt's files, each step, each decision.

    Returns:
        The row of the delivery, with its `files`, `taken_out`, `steps` and `decisions` as lists; the shape of `--json`.

    Raises:
        UsageError: there is none of that name.
    """
    with warehouse.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_SHOWN, (delivery_id,)).fetchone()
        if row is None:
            raise _unknown(delivery_id)
        parts = {"files": _FILES, "steps": _STEPS, "decisions": _DECISIONS}
        every = {name: cursor.execute(query, (delivery_id,)).fetchall() for name, query in parts.items()}
    gone = [{"by": str(one), **asdict(one)} for one in taken_out(warehouse, delivery_id)]
    return row | every | {"taken_out": gone}


def verify(world: World, warehouse: psycopg.Connection, delivery_ids: Sequence[str]) -> Iterator[Verified]:
    """Read every file of closed deliveries back from where it was sent, and compare it with the ledger.

    Nothing is changed, there or here.

    Args:
        delivery_ids: the deliveries; all that are closed, in the order in which they were, when there are none.

    Raises:
        UsageError: one is not in the ledger, or not closed.
        WarehouseError: a destination does not answer.
    """
    ledger, contracts = Ledger(warehouse), load_contracts(world.exports)
    entries = [closed(ledger, one) for one in delivery_ids or [row[0] for row in warehouse.execute(_CLOSED)]]
    for entry in entries:
        yield from _verified(ledger, entry, _proof(contracts, entry), world.settings)


def differing(found: Sequence[Verified]) -> DeliveredFilesDiffer | None:
    """The error that tells of files that are not what was sent; None when all are."""
    wrong = [one for one in found if one.is_wrong]
    if not wrong:
        return None
    listed = ", ".join(f"{one.name} ({one.in_words})" for one in wrong[:5])
    more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
    what = f"{len(wrong)} of {len(found)} files are not what was sent: {listed}{more}."
    if any(one.found == "as before it was rewritten" for one in wrong):
        return DeliveredFilesDiffer(
            what,
            meaning="What was taken out of a file is there again, as if a backup had been put back over it. Nothing "
            "was changed by this command.",
            next_command="Put the rewritten files back, or remove these. `warehouse erase --check` says whose erasures "
            "have to be given again.",
        )
    return DeliveredFilesDiffer(
        what,
        meaning="The ledger keeps what was sent; nothing there was changed by this command.",
        next_command="Ask the recipient. If they need the files again: "
        f'`warehouse deliveries redo {wrong[0].delivery} --because "…"`.',
    )


def closed(ledger: Ledger, delivery_id: str) -> Entry:
    """The row of a delivery that was delivered.

    Raises:
        UsageError: it is not in the ledger, or not closed.
    """
    entry = ledger.entry(delivery_id)
    if entry is None:
        raise _unknown(delivery_id)
    if entry.state is not State.CLOSED:
        raise UsageError(
            f"{delivery_id} was never delivered: it is {entry.state}.",
            meaning="Only what was delivered can be compared with what is there. Nothing was read.",
            next_command="warehouse deliveries list",
        )
    return entry


def _proof(contracts: Sequence[Contract], entry: Entry) -> Proof:
    """What was agreed; the strictest where the contract is gone."""
    for contract in contracts:
        if edition_of(contract, entry.delivery_id):
            return contract.proof
    return Proof.READ_BACK


def _verified(ledger: Ledger, entry: Entry, proof: Proof, settings: Settings) -> Iterator[Verified]:
    # Files of earlier attempts are in the ledger, too; those of the last one are the delivery.
    files = [one for one in ledger.recorded_files(entry.delivery_id) if one.attempt == entry.attempt]
    every = taken_out(ledger.connection, entry.delivery_id)
    with closing(open_destination(entry.destination or "", settings)) as destination:
        for one in sorted(files, key=lambda one: one.facts.name):
            if one.removed:
                yield Verified(entry.delivery_id, one.facts.name, one.facts.sha256, "removed by us")
            elif proof is Proof.WRITE_ONLY:
                yield Verified(entry.delivery_id, one.facts.name, one.facts.sha256, "not readable", "by agreement")
            else:
                yield _at(destination, entry, one.facts, proof, every)


def _at(destination: Destination, entry: Entry, facts: FileFacts, proof: Proof, every: Sequence[TakenOut]) -> Verified:
    left = Left.of(facts.sha256, facts.name, every)
    try:
        there = destination.matches(facts)
        if left.steps and there is not None:
            return _rewritten(destination, entry, facts, left)
    except DestinationRefused as error:
        if error.denied is None:
            raise
        return Verified(entry.delivery_id, facts.name, facts.sha256, "not readable", error.what)
    gone: Found = "taken" if proof is Proof.PICK_UP else "not there"
    found: Found = gone if there is None else "as sent" if there else "another file"
    return Verified(entry.delivery_id, facts.name, facts.sha256, found)


def _rewritten(destination: Destination, entry: Entry, facts: FileFacts, left: Left) -> Verified:
    """Of a file that the warehouse itself rewrote: the last that it made of it is the one that has to be there."""
    last = left.last.new_sha256
    hashes = dict.fromkeys([last, *(one.old_sha256 for one in left.steps)])
    there = next((one for one in hashes if one and destination.matches(replace(facts, sha256=one))), None)
    undone = left.undone(there) if there and there != last else None
    found: Found = "as rewritten" if there == last else "as before it was rewritten" if undone else "another file"
    by = str(undone or left.last)
    return Verified(entry.delivery_id, facts.name, facts.sha256, found, by, last)


def _unknown(delivery_id: str) -> UsageError:
    return UsageError(
        f"There is no delivery {delivery_id}.",
        meaning="Nothing was read.",
        next_command="warehouse deliveries list",
    )
