"""Deliveries that held the person: files that we keep are rewritten, recipients of the others have to be informed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from warehouse.core.data_package import key_beside
from warehouse.core.database import one
from warehouse.core.destinations import is_folder
from warehouse.core.keys import Key
from warehouse.core.progress import Progress
from warehouse.core.settings import Settings
from warehouse.erase import stored
from warehouse.erase.data_file import without
from warehouse.erase.index import Index
from warehouse.erase.pseudonyms import with_pseudonyms
from warehouse.erase.stored import Rewritten, StoredFile
from warehouse.erase.subject import Subject

BY_DATES = "by dates"
"""Of a file that cannot be read and is in no index: the warehouse knew the person when it was made."""

_SENT = ("closed", "vanished")
"""States in which the recipient has the files, or may have them."""

_ERASED = "After the delivery, rows of persons who were erased were taken out."

_KNOWN = """
select exists (
    select from versions.persons
    where (lower(person_id::text) = any(%s) or trn::text = any(%s))
        and known_from <= %s and coalesce(known_to, 'infinity') >= %s
)
"""
_UNREWRITTEN = """
select delivery_id from ledger.erased_deliveries
where erasure_id = %s and held = 'here' and rewritten_at is null
"""
_REWRITTEN = """
update ledger.erased_deliveries set rewritten_at = clock_timestamp()
where erasure_id = %s and delivery_id = %s and held = 'here' and rewritten_at is null
"""
_RECORD = """
insert into ledger.erased_deliveries (
    erasure_id, delivery_id, name, held, found, old_sha256, new_sha256, old_rows, new_rows
)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
-- What a killed command wrote down first is what the receipt says.
on conflict (erasure_id, delivery_id, name) do update set new_sha256 = excluded.new_sha256
"""


@dataclass(frozen=True)
class Held:
    """A delivered file that held the person.

    Attributes:
        held: "here" for one that we keep and rewrite, "by the recipient" for one that is theirs.
        found: "read" in the file, or concluded "by the index" of deliveries, or "by dates".
        removed: rows that were the person's; None when the file was not read.
    """

    delivery_id: str
    name: str
    destination: str
    held: str
    found: str
    removed: int | None


class Deliveries:
    """The deliveries in the ledger, and their files.

    Args:
        connection: to the warehouse.
        settings: for the folder that is ours.
        subject: the person.
        key: of the installation; without it the index of deliveries says nothing.

    Attributes:
        in_files: the person with the pseudonyms that files have of them.
        index: of whom deliveries held.
    """

    def __init__(
        self,
        connection: psycopg.Connection,
        settings: Settings,
        subject: Subject,
        progress: Progress,
        key: Key | None = None,
    ) -> None:
        self._connection, self._subject, self._progress = connection, subject, progress
        self.in_files = with_pseudonyms(connection, settings, subject)
        self.index = Index(connection, self.in_files, key)
        self._ours = settings.warehouse_deliveries.expanduser().resolve()

    def find(self) -> list[Held]:
        """Every file of a delivery that holds the person, as far as it can be read or concluded. Changes nothing."""
        found = []
        searched, held_by_index = self.index.searched(), self.index.held()
        for file in self._files("data"):
            self._progress.say(f"looking through {file.name}")
            attempt = (file.delivery_id, file.attempt)
            if is_folder(file.destination) and file.path.exists():
                counted = without(file.path, None, self.in_files, key_beside(file.path))
                if counted.differs:
                    held = "here" if self._is_ours(file) else "by the recipient"
                    found.append(self._held(file, held, "read", counted.removed))
            elif file.state in _SENT and attempt in searched:
                if attempt in held_by_index:
                    found.append(self._held(file, "by the recipient", "by the index", None))
            elif file.state in _SENT and not is_folder(file.destination) and self._was_known(file):
                found.append(self._held(file, "by the recipient", BY_DATES, None))
        return found

    def strays(self) -> Iterator[tuple[str, int]]:
        """Data files in our folder that no delivery explains and that hold the person, each with its rows."""
        for path in stored.unexplained(self._connection, self._ours):
            counted = without(path, None, self.in_files, key_beside(path))
            if counted.differs:
                yield str(path.relative_to(self._ours)), counted.removed + counted.emptied

    def rewrite(self, erasure_id: int, found: list[Held], hook: Callable[[str], None]) -> None:
        """Take the person out of the files that we keep, and write down what each was and is.

        Args:
            hook: called with "replacing" after each file.
        """
        for held in found:
            if held.held != "here":
                file = next(f for f in self._files("data") if (f.delivery_id, f.name) == (held.delivery_id, held.name))
                self._record(erasure_id, held, file.sha256, None, file.rows, None)
        begun = self._connection.execute(_UNREWRITTEN, (erasure_id,)).fetchall()
        for delivery in sorted({row[0] for row in begun} | {held.delivery_id for held in found if held.held == "here"}):
            files = [file for file in self._files() if file.delivery_id == delivery]
            if files[0].state == "closed":
                self._rewrite(erasure_id, files, hook)
            else:
                stored.take_away(self._connection, files, self._ours)

    def _rewrite(self, erasure_id: int, files: list[StoredFile], hook: Callable[[str], None]) -> None:
        # By the manifest, which is written again after the last file.
        keys = {file.path: key_beside(file.path) for file in files}

        def note(file: StoredFile, old: str, new: str, counted: Rewritten | None) -> None:
            held = self._held(file, "here", "read", counted.removed if counted else 0)
            rows = (counted.rows + counted.removed, counted.rows) if counted else (None, None)
            self._record(erasure_id, held, old, new, *rows)

        def made(path: Path, aside: Path) -> Rewritten:
            counted = without(path, aside, self.in_files, keys.get(path, []))
            return Rewritten(counted.rows, counted.differs, counted.removed)

        ours = [file for file in files if file.is_below(self._ours)]
        stored.rewrite(ours, made, note, _ERASED, self._progress, hook)
        self._connection.execute(_REWRITTEN, (erasure_id, files[0].delivery_id))

    def _files(self, kind: str | None = None) -> list[StoredFile]:
        return [file for file in stored.files(self._connection) if kind in (None, file.kind)]

    def _is_ours(self, file: StoredFile) -> bool:
        return file.is_below(self._ours)

    def _was_known(self, file: StoredFile) -> bool:
        identifiers = (self._subject.values("person_id"), self._subject.values("trn"))
        return bool(one(self._connection, _KNOWN, (*identifiers, file.closed_at, file.made_from))[0])

    def _held(self, file: StoredFile, held: str, found: str, removed: int | None) -> Held:
        return Held(file.delivery_id, file.name, file.destination, held, found, removed)

    def _record(
        self, erasure_id: int, held: Held, old: str, new: str | None, old_rows: int | None, new_rows: int | None
    ) -> None:
        self._connection.execute(
            _RECORD, (erasure_id, held.delivery_id, held.name, held.held, held.found, old, new, old_rows, new_rows)
        )
