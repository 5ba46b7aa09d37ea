"""The identifiers in the data files that are kept here: a file from a backup can hold a person who was erased since.

A column is known by its name, also under an agreed one that its manifest explains. In change files each table's columns
have the identifiers that replication/trs.yml says under `person`, as in the table itself.
"""

from __future__ import annotations

import csv
import io
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from warehouse.core import identifiers
from warehouse.core.csv_on_disk import BROKEN, plain
from warehouse.core.data_package import columns_beside, resource_beside
from warehouse.core.delivered_people import PSEUDONYM
from warehouse.core.identifiers import NINO, PERSON_ID, TRN
from warehouse.core.progress import Progress
from warehouse.erase import fixed_width_file
from warehouse.erase.rules import PersonRule
from warehouse.erase.stored import is_data

SUBJECT = "one_login_subject"
REGISTERED = (PERSON_ID, TRN, NINO, SUBJECT)
"""The kinds of identifiers that belong to one person for good; an address may be somebody else's tomorrow."""

_PSEUDONYM = re.compile("[0-9a-f]{64}")
_NEW_WORD = re.compile("(?<=[a-z])(?=[A-Z])")
_UUID = re.compile("[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

Values = Iterable[tuple[str, str | None]]
"""Values of a file, each with its column."""


@dataclass
class Looked:
    """Which files were looked into.

    Attributes:
        unread: those that are broken, that this user may not read, or of which no manifest says where their fields
            are; and folders that this user may not look into.
    """

    files: int = 0
    unread: list[str] = field(default_factory=list)


def stored_identifiers(
    folders: Iterable[Path],
    tables: Mapping[str, PersonRule],
    looked: Looked,
    progress: Progress,
    since: datetime | None = None,
) -> Iterator[tuple[str, str]]:
    """Every identifier in the data files below folders, as it is compared, with its kind.

    A value that is a pseudonym has that kind, whatever was made into it.

    Args:
        tables: how rows of replicated tables belong to persons.
        looked: what was looked into is written down here.
        since: only files that were put there, or changed, after this moment: also one that a backup gave its old date.
    """
    for folder in folders:
        for path in _files(folder, looked):
            try:
                if since is not None and path.stat().st_ctime < since.timestamp():
                    continue
                progress.say(f"comparing {path.name}")
                yield from _of_file(path, tables)
                looked.files += 1
            except FileNotFoundError:
                continue  # A delivery has moved it or taken it away meanwhile, and looks to it itself.
            except (pa.ArrowException, OSError, LookupError, UnicodeError, csv.Error, *BROKEN):
                looked.unread.append(str(path.relative_to(folder)))


def _files(folder: Path, looked: Looked) -> Iterator[Path]:
    def refused(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            looked.unread.append(f"{Path(error.filename).relative_to(folder)}/")

    for above, folders, names in os.walk(folder, onerror=refused):
        folders.sort()
        for path in (Path(above, name) for name in sorted(names)):
            try:
                if is_data(path) and stat.S_ISREG(path.lstat().st_mode):
                    yield path
            except FileNotFoundError:
                continue
            except OSError:
                looked.unread.append(str(path.relative_to(folder)))


def kind_of(name: str) -> str | None:
    """The kind of identifier of a file's column, also by an agreed name such as `PersonId` or `TRN`."""
    return identifiers.kind_of_column(_NEW_WORD.sub("_", name).lower())


def _of_file(path: Path, tables: Mapping[str, PersonRule]) -> Iterator[tuple[str, str]]:
    rule = tables.get(str(resource_beside(path).get("table", "")))
    by_rule = {name: kind for name, kind in {**rule.rows, **rule.tells}.items() if kind in REGISTERED} if rule else {}
    agreed = columns_beside(path)

    def kind(name: str) -> str | None:
        column = agreed.get(name, name)
        return by_rule.get(column) or kind_of(column) or kind_of(name)

    people = rule.people if rule else None
    for name, text in _values(path, lambda one: one == people or kind(one) is not None):
        if not text or not text.strip():
            continue
        if name == people:
            yield from ((PERSON_ID, one.lower()) for one in _UUID.findall(text))
        elif found := kind(name):
            yield _as_compared(found, text)


def _as_compared(kind: str, text: str) -> tuple[str, str]:
    if _PSEUDONYM.fullmatch(text):
        return PSEUDONYM, text
    return kind, text.lower() if kind == SUBJECT else identifiers.of_kind(kind, text).value


def _values(path: Path, is_wanted: Callable[[str], bool]) -> Values:
    if path.suffix == ".parquet":
        return _of_parquet(path, is_wanted)
    if path.suffix == fixed_width_file.SUFFIX:
        if fixed_width_file.layout_beside(path) is None:
            raise LookupError("no manifest says where its fields are")
        return ((name, text) for name, text in fixed_width_file.texts(path) if is_wanted(name))
    return _of_csv(path, is_wanted)


def _of_parquet(path: Path, is_wanted: Callable[[str], bool]) -> Values:
    with pyarrow.parquet.ParquetFile(path, pre_buffer=False) as file:
        names = [one.name for one in file.schema_arrow if is_wanted(one.name)]
        for batch in file.iter_batches(columns=names) if names else ():
            for name in names:
                yield from ((name, text) for text in batch.column(name).unique().cast(pa.string()).to_pylist())


def _of_csv(path: Path, is_wanted: Callable[[str], bool]) -> Values:
    with io.TextIOWrapper(plain(path), encoding="utf-8-sig", errors="replace", newline="") as file:
        rows = csv.reader(file)
        wanted = [(place, name) for place, name in enumerate(next(rows, [])) if is_wanted(name)]
        for row in rows if wanted else ():
            yield from ((name, row[place]) for place, name in wanted if place < len(row))
