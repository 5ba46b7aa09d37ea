"""Keys of differing rows: a million of them take a temporary file, not memory."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from itertools import islice

Key = tuple[str, ...]
"""The values of a row's key columns as text, in the key's order."""

_IN_MEMORY_BYTES = 2 * 1024 * 1024


class Keys:
    """A collection of keys that is written once and may be read many times, by one reader at a time."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES, "w+", encoding="utf-8")  # noqa: SIM115
        self._count = 0

    def add(self, key: Key) -> None:
        """Add a key at the end."""
        self._file.write(json.dumps(key) + "\n")
        self._count += 1

    def first(self, count: int) -> list[Key]:
        """The first keys, for a report."""
        return list(islice(self, count))

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Key]:
        self._file.seek(0)
        for line in self._file:
            yield tuple(json.loads(line))
        self._file.seek(0, 2)

    def __repr__(self) -> str:
        return f"Keys({self._count})"
