"""Deliveries that held the person: files that we keep are rewritten, recipients of the others have to be informed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from warehouse.core.data_package import file_facts, key_beside, rewritten
from warehouse.core.database import one
from warehouse.core.destinations import is_folder
from warehouse.core.progress import Progress
from warehouse.core.settings import Settings
from warehouse.core.whole_files import give_name, sha256
from warehouse.erase.data_file import without
from warehouse.erase.subject import Subject

_UNFINISHED = ".erasing"
_ERASED = "After the delivery, rows of persons who were erased were taken out."

_FILES = """
select d.delivery_id, d.destination, d.state, f.name, f.kind, f.partial_name, f.sha256, f.rows,
    coalesce(b.started_at, d.planned_at), coalesce(d.closed_at, clock_timestamp())
from ledger.deliveries as d
join ledger.delivery_files as f using (delivery_id)
left join ledger.builds as b on b.build_id = d.build_id
where d.destination is not null and (d.state <> 'closed' or f.attempt = d.attempt)
order by d.delivery_id, f.attempt, f.name
"""
_TAKEN_AWAY = """
update ledger.delivery_files set removed_at = coalesce(removed_at, now()) where delivery_id = %s
"""
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
        found: "read" in the file, or concluded "by dates".
        removed: rows that were the person's; None when the file was not read.
    """

    delivery_id: str
    name: str
    destination: str
    held: str
    found: str
    removed: int | None


@dataclass(frozen=True)
class _File:
    delivery_id: str
    destination: str
    state: str
    name: str
    kind: str
    partial_name: str | None
    sha256: str
    rows: int | None
    made_from: Any
    closed_at: Any

    @property
    def path(self) -> Path:
        return Path(self.destination) / self.name


class Deliveries:
    """The deliveries in the ledger, and their files.

    Args:
        connection: to the warehouse.
        settings: for the folder that is ours.
        subject: the person.
    """

    def __init__(
        self, connection: psycopg.Connection, settings: Settings, subject: Subject, progress: Progress
    ) -> None:
        self._connection, self._subject, self._progress = connection, subject, progress
        self._ours = settings.warehouse_deliveries.expanduser().resolve()

    def find(self) -> list[Held]:
        """Every file of a delivery that holds the person, as far as it can be read or concluded. Changes nothing."""
        found = []
        for file in self._files("data"):
            self._progress.say(f"looking through {file.name}")
            if is_folder(file.destination):
                if not file.path.exists():
                    continue
                counted = without(file.path, None, self._subject, key_beside(file.path.parent))
                if counted.differs:
                    held = "here" if self._is_ours(file) else "by the recipient"
                    found.append(self._held(file, held, "read", counted.removed))
            elif file.state == "closed" and self._was_known(file):
                found.append(self._held(file, "by the recipient", "by dates", None))
        return found

    def strays(self) -> Iterator[tuple[str, int]]:
        """Data files in our folder that no delivery explains and that hold the person, each with its rows."""
        known = {file.path.resolve() for file in self._files("data")}
        for path in sorted(self._ours.rglob("*")) if self._ours.is_dir() else []:
            data = path.suffix in (".csv", ".parquet") and path.is_file() and not path.is_symlink()
            if data and path.resolve() not in known:
                counted = without(path, None, self._subject, key_beside(path.parent))
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
                # Never delivered: the next attempt makes it again.
                for path in {path for file in files if self._is_ours(file) for path in _paths(file)}:
                    path.unlink(missing_ok=True)
                self._connection.execute(_TAKEN_AWAY, (delivery,))

    def _rewrite(self, erasure_id: int, files: list[_File], hook: Callable[[str], None]) -> None:
        """Each file aside, then the record, then the files' names, the manifest's last: a kill is made good later."""
        delivery_id, folder = files[0].delivery_id, files[0].path.parent
        facts: dict[str, dict[str, Any]] = {}
        replaced: list[Path] = []
        files = [file for file in files if self._is_ours(file) and file.path.exists()]
        for file in (file for file in files if file.kind == "data"):
            aside = file.path.with_name(file.path.name + _UNFINISHED)
            self._progress.say(f"rewriting {file.name}")
            _make(aside, like=file.path)
            counted = without(file.path, aside, self._subject, key_beside(folder))
            if counted.differs:
                new = sha256(aside)
                facts[file.path.name] = file_facts(aside.stat().st_size, new, counted.rows)
                replaced.append(aside)
                self._record(
                    erasure_id,
                    self._held(file, "here", "read", counted.removed),
                    sha256(file.path),
                    new,
                    counted.rows + counted.removed,
                    counted.rows,
                )
            else:
                aside.unlink()
                facts[file.path.name] = file_facts(file.path.stat().st_size, sha256(file.path), counted.rows)
        for file in (file for file in files if file.kind == "manifest"):
            content = rewritten(file.path.read_bytes(), facts, _ERASED)
            aside = file.path.with_name(file.path.name + _UNFINISHED)
            _make(aside, like=file.path)
            aside.write_bytes(content)
            replaced.append(aside)
            self._record(
                erasure_id,
                self._held(file, "here", "read", 0),
                sha256(file.path),
                hashlib.sha256(content).hexdigest(),
                None,
                None,
            )
        for aside in replaced:
            give_name(aside, aside.with_name(aside.name.removesuffix(_UNFINISHED)))
            hook("replacing")
        self._connection.execute(_REWRITTEN, (erasure_id, delivery_id))

    def _files(self, kind: str | None = None) -> list[_File]:
        rows = self._connection.execute(_FILES).fetchall()
        return [file for file in (_File(*row) for row in rows) if kind in (None, file.kind)]

    def _is_ours(self, file: _File) -> bool:
        """Whether a file is below our folder: what the ledger says of its place may lead out by `..` or a link."""
        return all(path.resolve().is_relative_to(self._ours) for path in _paths(file))

    def _was_known(self, file: _File) -> bool:
        identifiers = (self._subject.values("person_id"), self._subject.values("trn"))
        return bool(one(self._connection, _KNOWN, (*identifiers, file.closed_at, file.made_from))[0])

    def _held(self, file: _File, held: str, found: str, removed: int | None) -> Held:
        return Held(file.delivery_id, file.name, file.destination, held, found, removed)

    def _record(
        self, erasure_id: int, held: Held, old: str, new: str | None, old_rows: int | None, new_rows: int | None
    ) -> None:
        self._connection.execute(
            _RECORD, (erasure_id, held.delivery_id, held.name, held.held, held.found, old, new, old_rows, new_rows)
        )


def _paths(file: _File) -> list[Path]:
    return [file.path, *([Path(file.destination) / file.partial_name] if file.partial_name else [])]


def _make(aside: Path, like: Path) -> None:
    """An empty file for its owner and group alone, as the one it will replace."""
    aside.unlink(missing_ok=True)
    mode = like.stat().st_mode & 0o777
    os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
    aside.chmod(mode)
