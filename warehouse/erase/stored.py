"""The files of deliveries that are kept here: which there are, and how one is replaced by what may stay of it.

An erasure takes a person out of them, a changed rule takes columns' values out.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from warehouse.core.csv_on_disk import ENDINGS
from warehouse.core.data_package import file_facts, rewritten
from warehouse.core.progress import Progress
from warehouse.core.whole_files import give_name, sha256
from warehouse.erase import fixed_width_file

_UNFINISHED = ".erasing"

_ENDINGS = (*ENDINGS, ".parquet", fixed_width_file.SUFFIX)

_FILES = """
select d.delivery_id, d.destination, d.state, f.name, f.kind, f.partial_name, f.sha256, f.rows,
    coalesce(case when b.vintage is not null then d.known_at end, b.started_at, d.planned_at),
    coalesce(d.closed_at, clock_timestamp()), f.attempt
from ledger.deliveries as d
join ledger.delivery_files as f using (delivery_id)
left join ledger.builds as b on b.build_id = d.build_id
where d.destination is not null and (d.state <> 'closed' or f.attempt = d.attempt)
order by d.delivery_id, f.attempt, f.name
"""
_TAKEN_AWAY = """
update ledger.delivery_files set removed_at = coalesce(removed_at, now()) where delivery_id = %s
"""


@dataclass(frozen=True)
class StoredFile:
    """A row of ledger.delivery_files with its delivery.

    Attributes:
        made_from: when the build began that it was made from, or the moment of one from history: who was known since
            may be in it; `closed_at`: when it was delivered, or now.
    """

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
    attempt: int

    @property
    def path(self) -> Path:
        return Path(self.destination) / self.name

    def is_below(self, folder: Path) -> bool:
        """Whether it is below a folder, which is resolved: what the ledger says may lead out by `..` or a link."""
        return all(path.resolve().is_relative_to(folder) for path in _paths(self))


@dataclass(frozen=True)
class Rewritten:
    """What a file is without what had to go.

    Attributes:
        rows: that are left.
        differs: whether anything had to go.
        removed: rows that went.
    """

    rows: int
    differs: bool
    removed: int = 0


def files(connection: psycopg.Connection) -> list[StoredFile]:
    """The files of every delivery, as the ledger has them; they may not be there any more."""
    return [StoredFile(*row) for row in connection.execute(_FILES).fetchall()]


def is_data(path: Path) -> bool:
    """Whether it is a data file, by the end of its name."""
    return path.name.endswith(_ENDINGS)


def unexplained(connection: psycopg.Connection, ours: Path) -> list[Path]:
    """Data files in our folder of which the ledger knows nothing, as after a backup or a copy by hand.

    Args:
        ours: the folder, resolved.
    """
    known = {file.path.resolve() for file in files(connection) if file.kind == "data"}
    there = sorted(ours.rglob("*")) if ours.is_dir() else []
    data = [path for path in there if is_data(path) and path.is_file() and not path.is_symlink()]
    return [path for path in data if path.resolve() not in known]


def take_away(connection: psycopg.Connection, files: Sequence[StoredFile], ours: Path) -> None:
    """Remove the files of a delivery that was never made from our folder: the next attempt makes them again."""
    for path in {path for file in files if file.is_below(ours) for path in _paths(file)}:
        path.unlink(missing_ok=True)
    connection.execute(_TAKEN_AWAY, (files[0].delivery_id,))


def rewrite(
    files: Sequence[StoredFile],
    make: Callable[[Path, Path], Rewritten],
    note: Callable[[StoredFile, str, str, Rewritten | None], None],
    said: str,
    progress: Progress,
    hook: Callable[[str], None],
) -> None:
    """Each file of a closed delivery aside, then the record, then the files' names, the manifest's last.

    A kill in between is made good by the same call.

    Args:
        make: writes the second path from the first.
        note: records a file with its SHA-256 before and after; of the manifest, without counts.
        said: what the manifest says of it from now on.
        hook: called with "replacing" after each file.
    """
    facts: dict[str, dict[str, Any]] = {}
    replaced: list[Path] = []
    for file in (file for file in files if file.kind == "data" and file.path.exists()):
        aside = file.path.with_name(file.path.name + _UNFINISHED)
        progress.say(f"rewriting {file.name}")
        _make(aside, like=file.path)
        counted = make(file.path, aside)
        if counted.differs:
            new = sha256(aside)
            facts[file.path.name] = file_facts(aside.stat().st_size, new, counted.rows)
            replaced.append(aside)
            note(file, sha256(file.path), new, counted)
        else:
            aside.unlink()
            facts[file.path.name] = file_facts(file.path.stat().st_size, sha256(file.path), counted.rows)
    for file in (file for file in files if file.kind == "manifest" and file.path.exists()):
        content = rewritten(file.path.read_bytes(), facts, said)
        aside = file.path.with_name(file.path.name + _UNFINISHED)
        _make(aside, like=file.path)
        aside.write_bytes(content)
        replaced.append(aside)
        note(file, sha256(file.path), hashlib.sha256(content).hexdigest(), None)
    for aside in replaced:
        give_name(aside, aside.with_name(aside.name.removesuffix(_UNFINISHED)))
        hook("replacing")


def _paths(file: StoredFile) -> list[Path]:
    return [file.path, *([Path(file.destination) / file.partial_name] if file.partial_name else [])]


def _make(aside: Path, like: Path) -> None:
    """An empty file for its owner and group alone, as the one it will replace."""
    aside.unlink(missing_ok=True)
    mode = like.stat().st_mode & 0o777
    os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
    aside.chmod(mode)
