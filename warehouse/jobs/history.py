"""Deliveries from history: the build stage makes what was known then, and the delivery stage reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime

import psycopg

from warehouse.core.databases import Databases
from warehouse.core.errors import AlreadyRunning
from warehouse.core.locks import Lock, session_lock
from warehouse.core.progress import Progress
from warehouse.deliver.history import Then
from warehouse.deliver.select import SCHEMA
from warehouse.marts.inputs import project_sha256
from warehouse.marts.then import extract_then


class BuiltByDbt:
    """What builds an extract as known at a moment, for whoever holds the lock of a run."""

    def __init__(self, databases: Databases, warehouse: psycopg.Connection, progress: Progress) -> None:
        self._databases, self._warehouse, self._progress = databases, warehouse, progress

    @property
    def project_sha256(self) -> str:
        """Of the models as they are now."""
        return project_sha256()

    @contextmanager
    def build(self, models: Sequence[str], known_at: datetime, as_at: date, *, tested: bool) -> Iterator[Then]:
        """See warehouse.deliver.history.History."""
        made = extract_then(self._databases, self._warehouse, models, known_at, as_at, self._progress, tested=tested)
        with made as vintage:
            yield Then(
                vintage.build_id,
                f"{vintage.prefix}{SCHEMA}",
                vintage.as_at,
                vintage.known_up_to,
                vintage.started_at,
                vintage.project_sha256,
            )


@contextmanager
def history(databases: Databases, warehouse: psycopg.Connection, progress: Progress) -> Iterator[BuiltByDbt]:
    """What builds from history, for as long as the block lasts and nothing else builds.

    Raises:
        AlreadyRunning: a run, a build, an erasure or another delivery from history is in progress.
    """
    with session_lock(warehouse, Lock.run) as held:
        if not held:
            raise AlreadyRunning(
                "A run, a build, an erasure or another delivery from history is in progress.",
                meaning="Nothing was done; the other one continues, and a run delivers what is due.",
                next_command="Wait until it has ended, then give the command again.",
            )
        yield BuiltByDbt(databases, warehouse, progress)
