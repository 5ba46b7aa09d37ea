"""The identifiers in the data files that are kept here: a file from a backup can hold a person who was erased since."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from warehouse.core import identifiers
from warehouse.core.delivered_people import PSEUDONYM
from warehouse.core.progress import Progress
from warehouse.erase import fixed_width_file
from warehouse.erase.stored import SUFFIXES

_PSEUDONYM = re.compile("[0-9a-f]{64}")
_NEW_WORD = re.compile("(?<=[a-z])(?=[A-Z])")

Values = Iterable[tuple[str, str | None]]
"""Values of a file, each with its column."""


def stored_identifiers(folder: Path, progress: Progress) -> Iterator[tuple[str, str]]:
    """Every identifier in the data files below a folder, as it is compared, with its kind.

    A value that is a pseudonym has that kind, whatever was made into it. A file that is broken is passed over: what it
    held cannot be read by anybody.
    """
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        if path.suffix in SUFFIXES and path.is_file() and not path.is_symlink():
            progress.say(f"comparing {path.name}")
            for name, text in _values(path):
                kind = kind_of(name)
                if kind and text and text.strip():
                    yield (
                        (PSEUDONYM, text)
                        if _PSEUDONYM.fullmatch(text)
                        else (kind, identifiers.of_kind(kind, text).value)
                    )


def kind_of(name: str) -> str | None:
    """The kind of identifier of a file's column, also by an agreed name such as `PersonId` or `TRN`."""
    return identifiers.kind_of_column(_NEW_WORD.sub("_", name).lower())


def _values(path: Path) -> Values:
    if path.suffix == ".parquet":
        return _of_parquet(path)
    return fixed_width_file.texts(path) if path.suffix == fixed_width_file.SUFFIX else _of_csv(path)


def _of_parquet(path: Path) -> Values:
    try:
        with pyarrow.parquet.ParquetFile(path, pre_buffer=False) as file:
            names = [field.name for field in file.schema_arrow if kind_of(field.name)]
            for batch in file.iter_batches(columns=names) if names else ():
                for name in names:
                    yield from ((name, text) for text in batch.column(name).unique().cast(pa.string()).to_pylist())
    except pa.ArrowInvalid:
        return


def _of_csv(path: Path) -> Values:
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        for row in csv.DictReader(file):
            yield from ((name, text) for name, text in row.items() if name and isinstance(text, str))
