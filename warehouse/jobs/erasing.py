"""Erasing one person: keep runs and deliveries away, erase, seal the history again, and rebuild the models.

And the look whether anybody who was erased is there again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime

import psycopg

from warehouse.core import keys
from warehouse.core.databases import Databases
from warehouse.core.errors import AlreadyRunning, KeyUnusable
from warehouse.core.keys import Key
from warehouse.core.locks import Lock, session_lock
from warehouse.core.progress import Progress
from warehouse.erase import Check, Erasure, Subject, Survey, check, erase, load_rules, survey
from warehouse.erase.pseudonyms import with_pseudonyms
from warehouse.erase.stored_identifiers import Looked, stored_identifiers
from warehouse.marts import build, drop_candidates, vintages
from warehouse.replicate import history, load_classification

_PUBLISHED = "select 1 from ledger.builds where state = 'published' limit 1"


def erase_everywhere(
    databases: Databases, warehouse: psycopg.Connection, subject: Subject, reference: str | None, progress: Progress
) -> Erasure:
    """Remove one person from replica, history, landing, marts and stored deliveries.

    Args:
        reference: of the request, without anything of the person; the ledger keeps it for good.

    Raises:
        AlreadyRunning: a run or a delivery is in progress.
        ErasureRefused: see warehouse.erase.
    """
    with alone(warehouse):
        key, notes = _key(databases, warehouse)

        def rebuild_without() -> None:
            notes.extend(
                f"The vintage {name} held the person and was dropped; `warehouse build` makes it again without them."
                for name in vintages.drop_erased(warehouse)
            )
            rebuild(databases, warehouse, progress)

        done = erase(
            databases,
            subject,
            progress,
            key=key,
            rebuild=rebuild_without,
            resealed=resealed,
            reference=reference,
        )
    return replace(done, notes=[*notes, *done.notes])


def look_everywhere(
    databases: Databases, warehouse: psycopg.Connection, subject: Subject, progress: Progress
) -> Survey:
    """Where a person is, everywhere. Changes nothing."""
    key, notes = _key(databases, warehouse)
    found = survey(databases, subject, progress, key=key)
    return replace(found, notes=[*notes, *found.notes])


def check_everywhere(
    databases: Databases,
    warehouse: psycopg.Connection,
    listed: Sequence[str],
    progress: Progress,
    *,
    files_since: datetime | None = None,
) -> Check:
    """Compare every identifier in the warehouse with the register of those erased, and with a list of persons.

    Also those in every data file below our folder of deliveries, whether the ledger knows of it or not, and in the
    outbox: one from a backup may hold somebody who was erased since. Files in folders of recipients are theirs, and are
    not looked into. The register has no pseudonyms, so that in a file of pseudonyms only the persons of the list are
    found.

    Args:
        files_since: look only into files that were put there or changed after this moment.

    Raises:
        KeyUnusable: the key of the register is missing, or another than before; or that of pseudonyms, with a list.
    """
    settings, rules, looked = databases.settings, load_rules(), Looked()
    folders = [settings.warehouse_deliveries.expanduser(), settings.warehouse_home / "outbox"]
    found = check(
        warehouse,
        rules,
        keys.installation(warehouse, settings),
        progress,
        listed=listed,
        kept=stored_identifiers(folders, rules.replicated, looked, progress, files_since),
        widened=lambda one: with_pseudonyms(warehouse, settings, one),
    )
    return replace(found, files=looked.files, unread=tuple(looked.unread))


def _key(databases: Databases, warehouse: psycopg.Connection) -> tuple[Key | None, list[str]]:
    """The installation's key. One that is lost must not keep a person from being erased: it is said what that means."""
    try:
        return keys.installation(warehouse, databases.settings), []
    except KeyUnusable as error:
        return None, [
            f"{error.what} Without it the hashes of the person's keys in the ledger cannot be looked for, and nobody "
            "would notice if the person came back."
        ]


def resealed(warehouse: psycopg.Connection, tables: list[str], because: str) -> AbstractContextManager[None]:
    """See history.erasing()."""
    return history.erasing(warehouse, load_classification().schema_name, tables, because)


@contextmanager
def alone(connection: psycopg.Connection, nothing: str = "Nothing was erased") -> Iterator[None]:
    """Keep runs and deliveries away meanwhile.

    Raises:
        AlreadyRunning: one is in progress.
    """
    with session_lock(connection, Lock.run) as no_run, session_lock(connection, Lock.deliver) as no_delivery:
        if not (no_run and no_delivery):
            raise AlreadyRunning(
                "A run or a delivery of this warehouse is in progress.",
                meaning=f"{nothing}; the other one continues.",
                next_command="Wait until it has ended, then run this again.",
            )
        yield


def rebuild(databases: Databases, connection: psycopg.Connection, progress: Progress) -> None:
    """Build the models again, if they were ever published, and drop what builds left behind."""
    if connection.execute(_PUBLISHED).fetchone():
        build(databases, databases.today(), progress, anew=True)
    drop_candidates(connection)
