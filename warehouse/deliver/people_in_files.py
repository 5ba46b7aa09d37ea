"""Whom the files of a delivery hold: looked through once, before they are sent, and kept as an index of keyed digests.

The files themselves are read, so that the index has what the recipient gets: no row that was set aside, and of a column
that leaves as a pseudonym the pseudonym.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import psycopg

from warehouse.core import delivered_people, identifiers, keys
from warehouse.core.contracts import Contract, Kind
from warehouse.core.delivered_people import PSEUDONYM, Builder
from warehouse.core.errors import KeyUnusable
from warehouse.core.identifiers import Identifier
from warehouse.core.progress import Progress
from warehouse.core.settings import Settings
from warehouse.deliver.edition import Edition
from warehouse.deliver.read_back import batches

NO_KEY: Final = "the installation's key was missing or unusable when it was sent"
NO_COLUMN: Final = "no column of its files says whose a row is"


def index(
    connection: psycopg.Connection,
    settings: Settings,
    edition: Edition,
    attempt: int,
    paths: Sequence[Path],
    progress: Progress,
) -> None:
    """Write the index of an attempt. A key that is lost keeps no recipient from their files: that is written down.

    Args:
        connection: to the warehouse, in autocommit mode.
        paths: the data files of the attempt, in the outbox.
    """
    files = []
    for path in paths:
        about = edition.of_file(path.name)
        assert about is not None, "a file that this attempt made"
        files.append((about, path))
    index_files(connection, settings, edition, attempt, files, progress)


def index_files(
    connection: psycopg.Connection,
    settings: Settings,
    edition: Edition,
    attempt: int,
    files: Sequence[tuple[Contract, Path]],
    progress: Progress,
) -> None:
    """The same for files that come each with the contract of its columns."""
    delivery = edition.delivery_id
    kinds = {kind for one, _ in files for kind in identifying(one).values()}
    if not kinds:
        delivered_people.note(connection, delivery, attempt, (), unsearchable=NO_COLUMN)
        return
    try:
        key = keys.installation(connection, settings)
    except KeyUnusable:
        delivered_people.note(connection, delivery, attempt, kinds, unsearchable=NO_KEY)
        progress.say(f"{delivery}: {NO_KEY}; nobody will be found in it")
        return
    progress.say(f"{delivery}: writing the index of whom it holds")
    with connection.transaction():
        builder = Builder(connection, key)
        for about, path in files:
            for found in _identifiers(about, path):
                builder.add(found)
        builder.keep(delivery, attempt, kinds)


def identifying(contract: Contract) -> dict[str, str]:
    """The columns of a contract that say whose a row is, each with the kind of its identifiers."""
    found = {}
    for column in contract.columns:
        kind = identifiers.kind_of_column(column.name) if column.type.kind is Kind.STRING else None
        if kind:
            found[column.name] = _pseudonyms(contract, kind) if column.pseudonym else kind
    return found


def key_of_kind(kind: str) -> tuple[str, int] | None:
    """The name and version of the key that makes a kind of pseudonyms; None of another kind."""
    if not kind.startswith(f"{PSEUDONYM}:"):
        return None
    _, name, version, _ = kind.split(":")
    return name, int(version)


def kind_behind(kind: str) -> str:
    """The kind of identifiers that a kind of pseudonyms was made of; any other is its own."""
    return kind.rsplit(":", maxsplit=1)[-1]


def _pseudonyms(contract: Contract, kind: str) -> str:
    key = contract.pseudonym_key
    assert key is not None, "a contract with pseudonyms names their key"
    return f"{PSEUDONYM}:{contract.recipient}.{key.purpose}:{key.version}:{kind}"


def _identifiers(contract: Contract, path: Path) -> Iterator[set[Identifier]]:
    readers = {name: _reader(kind) for name, kind in identifying(contract).items()}
    for batch in batches(path, contract, list(readers)) if readers else ():
        yield {
            read(text)
            for name, read in readers.items()
            for text in batch.column(name).unique().to_pylist()
            if text and text.strip()
        }


def _reader(kind: str) -> Callable[[str], Identifier]:
    return partial(Identifier, PSEUDONYM) if key_of_kind(kind) else partial(identifiers.of_kind, kind)
