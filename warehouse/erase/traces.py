"""Files of this program in which a person may have left a trace: logs, dbt's records of runs, the outbox."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from warehouse.core.csv_on_disk import BROKEN, COMPRESSED
from warehouse.core.settings import PROJECT, Settings
from warehouse.erase.data_file import without
from warehouse.erase.subject import Finder, Subject

_LARGEST = 256 << 20
"""Of a file that dbt keeps, in bytes; larger ones are no text of its."""


def find(settings: Settings, subject: Subject, in_files: Subject) -> list[tuple[str, int]]:
    """The files that hold the person, each with the number of lines.

    Args:
        in_files: the person with the pseudonyms that files of deliveries may have of them.
    """
    found = [(str(path), _lines(path, subject.finder)) for path in (*_records(settings), *_logs(settings))]
    return [(name, lines) for name, lines in found if lines] + _waiting(settings, in_files)


def remove(settings: Settings, subject: Subject) -> None:
    """Take the traces away: dbt's records as whole files, a log's lines in their place.

    Call it while no delivery runs: the outbox is emptied.
    """
    for path in _records(settings):
        if _lines(path, subject.finder):
            path.unlink(missing_ok=True)
    for path in _logs(settings):
        _blot_out(path, subject.finder)
    empty_outbox(settings)


def empty_outbox(settings: Settings) -> None:
    """Remove what deliveries in preparation, dry runs and killed commands left. Call it while no delivery runs."""
    shutil.rmtree(settings.warehouse_home / "outbox", ignore_errors=True)


def remove_records(settings: Settings) -> None:
    """Take all of dbt's records of runs away, when nobody knows any more whose erasure is being finished."""
    for path in _records(settings):
        path.unlink(missing_ok=True)


def _waiting(settings: Settings, subject: Subject) -> list[tuple[str, int]]:
    """Files of deliveries in preparation that hold the person, or that are too broken to say."""
    found = []
    for path in sorted(path for path in (settings.warehouse_home / "outbox").rglob("*") if path.is_file()):
        try:
            counted = without(path, None, subject, ()) if path.suffix == ".parquet" else None
            rows = counted.removed + counted.emptied if counted else _lines(path, subject.finder)
        except (pa.ArrowException, *BROKEN):
            rows = 1
        found += [(str(path), rows)] if rows else []
    return found


def _records(settings: Settings) -> Iterator[Path]:
    """dbt's compiled models, results and logs; a plain `dbt build` in the checkout keeps them there."""
    folders = [settings.warehouse_home / "dbt"]
    if settings.warehouse_home == PROJECT / ".warehouse":
        folders += [PROJECT / "target", PROJECT / "logs"]
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and path.stat().st_size <= _LARGEST:
                yield path


def _logs(settings: Settings) -> Iterator[Path]:
    """The log of the embedded warehouse. A server of yours keeps its log elsewhere."""
    yield from sorted((settings.warehouse_home / "clusters" / "warehouse").glob("*.log"))


def _lines(path: Path, find: Finder) -> int:
    # Also while it is written, under a name of which that of the file is the beginning.
    with gzip.open(path) if COMPRESSED in path.name else path.open("rb") as handle:
        return sum(1 for line in handle if find.names(line.decode("utf-8", "replace")))


def _blot_out(path: Path, find: Finder) -> None:
    """Write over the lines, byte for byte, because the server still writes at the end of the file."""
    with path.open("r+b") as handle:
        start = 0
        while line := handle.readline():
            end = handle.tell()
            if find.names(line.decode("utf-8", "replace")):
                handle.seek(start)
                handle.write(b"-" * len(line.rstrip(b"\n")))
                handle.seek(end)
            start = end
