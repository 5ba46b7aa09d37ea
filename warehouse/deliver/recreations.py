"""Make the files of a closed delivery again from history, and say whether they are what was sent. Nothing is sent."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg

from warehouse.core import private_files
from warehouse.core.contracts import Contract, load_contracts
from warehouse.core.database import connect, one
from warehouse.core.destinations import folder_of, is_folder
from warehouse.core.errors import (
    AlreadyRunning,
    BeforeHistory,
    ErasedSince,
    MadeOtherwise,
    NotTheSameAgain,
    UsageError,
)
from warehouse.core.locks import Lock, session_lock
from warehouse.core.progress import Progress
from warehouse.core.settings import near
from warehouse.deliver import compare_rows
from warehouse.deliver.again import Again, FileAgain, compared
from warehouse.deliver.change_files.again import refuse_change_sets
from warehouse.deliver.edition import Edition, edition_of
from warehouse.deliver.extract import extract
from warehouse.deliver.files import FileFacts
from warehouse.deliver.history import History, basis_of
from warehouse.deliver.ledger import Ledger
from warehouse.deliver.ledger_records import Entry
from warehouse.deliver.outbox import Outbox
from warehouse.deliver.pseudonyms import of_edition
from warehouse.deliver.run import VARIABLE
from warehouse.deliver.states import State
from warehouse.deliver.taken_out import in_words, taken_out
from warehouse.deliver.world import World

_ERASED_SINCE = """
select count(*) from ledger.erasures as e
where e.finished_at > (select d.closed_at from ledger.deliveries as d where d.delivery_id = %s)
"""
_MADE_BY = """
select d.contract_content_sha256, d.model, b.project_sha256
from ledger.deliveries as d left join ledger.builds as b using (build_id)
where d.delivery_id = %s
"""
_NOTHING = "Nothing was made and nothing was sent. The delivery in the ledger stays as it is."


def recreate(
    world: World,
    history: History,
    progress: Progress,
    delivery_id: str,
    *,
    to: Path | None = None,
    other_models: bool = False,
) -> Again:
    """Make the files of a closed delivery again: as at its day, as known at the moment that its build knew.

    Args:
        to: a folder for the files, below which they have the names that they have at the destination. Without it they
            are thrown away after the comparison.
        other_models: build even though the models are not those of then.

    Raises:
        UsageError: there is no such delivery, it is not closed, or a file is in the way of one that is to be made.
        ErasedSince, MadeOtherwise, BeforeHistory: it cannot be made again as it was.
        NotTheSameAgain: it was made, and is not what was sent.
        AlreadyRunning: a delivery is in progress.
        KeyUnusable: the key of its pseudonyms is not the one of then.
        BuildFailed: a model failed.
    """
    with closing(connect(world.conninfo, what="the warehouse", variable=VARIABLE)) as connection:
        ledger = Ledger(connection)
        refuse_change_sets(world.exports, delivery_id)
        entry = _closed(ledger, delivery_id)
        edition = _edition(load_contracts(world.exports), entry)
        same_models = _check(connection, entry, edition, history, other_models)
        recorded = [one.facts for one in ledger.recorded_files(delivery_id) if one.attempt == entry.attempt]
        sent = [file for file in recorded if file.kind == "data"]
        _check_free(to, sent)
        with session_lock(connection, Lock.deliver) as free:
            if not free:
                raise AlreadyRunning(
                    "Another run is delivering.",
                    meaning="Nothing was made; the other run continues.",
                    next_command="Wait for it to end, then give the command again.",
                )
            # What a killed command leaves in the outbox goes with the next delivery, and an erasure looks there.
            outbox = Outbox(world.settings.warehouse_home, delivery_id)
            try:
                made = _make(world, connection, history, progress, edition, entry, outbox)
                assert entry.known_at is not None and entry.as_at is not None
                again = Again(delivery_id, entry.as_at, entry.known_at, same_models, compared(sent, made))
                if to:
                    _put(outbox, made, to)
                    again = replace(again, folder=to)
                if not again.is_as_sent:
                    raise _not_the_same(connection, entry, again, outbox)
            finally:
                outbox.clear()
    return again


def _closed(ledger: Ledger, delivery_id: str) -> Entry:
    entry = ledger.entry(delivery_id)
    if entry is None or entry.state is not State.CLOSED:
        raise UsageError(
            f"{delivery_id} was never delivered: it is {entry.state if entry else 'not in the ledger'}.",
            meaning="Only what was delivered can be made again. Nothing was made.",
            next_command="warehouse deliveries list",
        )
    return entry


def _edition(contracts: Sequence[Contract], entry: Entry) -> Edition:
    for contract in contracts:
        if edition := edition_of(contract, entry.delivery_id):
            return edition
    raise MadeOtherwise(
        f"No contract in exports/ is that of {entry.delivery_id} any more.",
        meaning=_NOTHING,
        next_command=f"Put back its contract of version {entry.contract_version} (git), then give the command again.",
    )


def _check(
    connection: psycopg.Connection, entry: Entry, edition: Edition, history: History, other_models: bool
) -> bool:
    """Refuse what cannot come out as it was; returns whether the models are those of then."""
    delivery, contract = entry.delivery_id, edition.contract
    gone = taken_out(connection, delivery)
    if erased := in_words([one for one in gone if one.kind == "erasure"]):
        raise ErasedSince(
            f"{delivery} held persons who were erased since ({erased}): it cannot be made again as it was sent.",
            meaning=f"Their rows are gone from history, as they have to be. {_NOTHING}",
            next_command=f"`warehouse deliveries verify {delivery}` compares what is there with the ledger.",
        )
    if by_rule := in_words([one for one in gone if one.kind == "rule"]):
        raise MadeOtherwise(
            f"{delivery} held values that a rule of replication/trs.yml does not allow any more ({by_rule}).",
            meaning=f"They are gone from history, too. {_NOTHING}",
            next_command='warehouse sql "select delivery_id, name, columns from ledger.rule_files"',
        )
    content, model, project = one(connection, _MADE_BY, (delivery,))
    agreed = contract.content_sha256 == content if content else contract.sha256 == entry.contract_sha256
    if (contract.version, contract.model) != (entry.contract_version, model) or not agreed:
        raise MadeOtherwise(
            f"{delivery} keeps version {entry.contract_version} of {near(contract.path)}, and that file says something "
            f"else now (version {contract.version}).",
            meaning=_NOTHING,
            next_command=f"Put back what version {entry.contract_version} said (git), then give the command again.",
        )
    if entry.known_at is None or entry.as_at is None:
        raise BeforeHistory(
            f"Of {delivery} it is not on record what was known when it was made.",
            meaning=_NOTHING,
            next_command=f"`warehouse deliveries verify {delivery}` compares what is there with the ledger.",
        )
    same_models: bool = project == history.project_sha256
    if not same_models and not other_models:
        raise MadeOtherwise(
            f"{delivery} was made by models that are not those of now.",
            meaning=f"What they make need not be what was sent. {_NOTHING}",
            next_command=f"Check out the version of the program that made build {entry.build_id} and give the command "
            "there. Or compare with what the models of now make: "
            f"warehouse deliveries recreate {delivery} --other-models",
        )
    return same_models


def _check_free(to: Path | None, sent: Sequence[FileFacts]) -> None:
    there = [file.name for file in sent if to and (to / file.name).exists()]
    if there:
        raise UsageError(
            f"{there[0]} is in that folder already.",
            meaning="Nothing was made, and no file is ever written over.",
            next_command="Name another folder, or take the file away.",
        )


def _make(
    world: World,
    connection: psycopg.Connection,
    history: History,
    progress: Progress,
    edition: Edition,
    entry: Entry,
    outbox: Outbox,
) -> Sequence[FileFacts]:
    assert entry.known_at is not None and entry.as_at is not None
    pseudonyms = of_edition(connection, world.settings, edition)
    with history.build(edition.contract.models, entry.known_at, entry.as_at, tested=False) as then:
        basis = basis_of(connection, then, world.today, world.calendar, by_the_clock=world.by_the_clock)
        outbox.make_empty()
        progress.say(f"{edition.delivery_id}: writing the file again, from {basis}")
        with closing(connect(world.conninfo, what="the warehouse", variable=VARIABLE)) as reader:
            return extract(reader, edition, basis, outbox, progress, lambda _: None, pseudonyms).files


def _put(outbox: Outbox, made: Sequence[FileFacts], to: Path) -> None:
    """The files into the folder of a person, for their owner alone."""
    try:
        to.mkdir(parents=True, exist_ok=True, mode=0o700)
        for file in made:
            path = to / file.name
            for folder in reversed([above for above in path.parents if above != to and above.is_relative_to(to)]):
                folder.mkdir(exist_ok=True, mode=0o700)
            with outbox.path(file.base_name).open("rb") as source, private_files.open_to_write(path) as target:
                while piece := source.read(1 << 20):
                    target.write(piece)
    except OSError as error:
        raise UsageError(
            f"The folder {to} cannot be written: {error.strerror}.",
            meaning="The files were made again, and thrown away. Nothing was sent.",
            next_command="Name a folder of your own with enough room, then give the command again.",
        ) from None


def _not_the_same(connection: psycopg.Connection, entry: Entry, again: Again, outbox: Outbox) -> NotTheSameAgain:
    erased = one(connection, _ERASED_SINCE, (entry.delivery_id,))[0]
    reasons = [
        *([] if again.same_models else ["the models are not those of then"]),
        *([f"{erased} persons were erased since"] if erased else []),
    ]
    found = "; ".join(_said(entry, file, outbox) for file in again.files if not file.same_bytes)
    because = f" It may be because {' and '.join(reasons)}." if reasons else ""
    return NotTheSameAgain(
        f"{entry.delivery_id} made again is not what was sent: {found}.{because}",
        meaning="Nothing was sent, and the delivery in the ledger stays as it is. What was made "
        + (f"is in {again.folder}." if again.folder else "was thrown away."),
        next_command=f"`warehouse deliveries show {entry.delivery_id}` says what it was made from; `--to FOLDER` keeps "
        "what is made now.",
    )


def _said(entry: Entry, file: FileAgain, outbox: Outbox) -> str:
    """What differs, in numbers alone."""
    name = file.name.rsplit("/", maxsplit=1)[-1]
    if file.sent is None or file.made is None:
        return f"{name} is only among what was {'made now' if file.sent is None else 'sent'}"
    if file.same_rows:
        return f"{name} has the same rows in other bytes, though the same writer made both"
    said = f"{name} had {file.sent.rows or 0:,} rows and has {file.made.rows or 0:,}"
    counted = _differing(entry, file.sent, outbox.path(file.made.base_name))
    if counted is None:
        return f"{said} (how many of them differ is not known: the file as it was sent is not within reach)"
    return f"{said}, {counted[0]:,} of them only as sent and {counted[1]:,} only as made now"


def _differing(entry: Entry, sent: FileFacts, made: Path) -> tuple[int, int] | None:
    where = entry.destination or ""
    return compare_rows.differing(folder_of(where) / sent.name, sent.sha256, made) if is_folder(where) else None
