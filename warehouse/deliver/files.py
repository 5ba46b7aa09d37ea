"""Facts about a file: what it is called, how big it is, and its checksums."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import google_crc32c

from warehouse.core.whole_files import chunks

FileKind = Literal["data", "manifest"]

METADATA = ".meta.csv"
"""How the metadata of a table of statistics ends; the rest of its name is that of the table."""

_MEDIA = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    # Of what is stored, not of how it travels: no service may unpack it on the way.
    "gz": "application/gzip",
    "parquet": "application/vnd.apache.parquet",
}


@dataclass(frozen=True)
class FileFacts:
    """A file of a delivery.

    Attributes:
        name: below the destination.
        kind: "data" or "manifest".
        rows: None for the manifest.
        sha256: in hexadecimal.
        md5, crc32c: in base64, as Cloud Storage states them.
        replaced: how many hostile characters were replaced while it was written.
        formulas: how many texts of it a spreadsheet would have taken for a formula; 0 until it was checked.
        fitting: of a file of fixed width what was done to fit rows into it, as fixed_width.Fitting says it.
        content: of a data file what it says, whatever wrote it, as values.py has it. None for the manifest, and for
            what was sent before it was kept.
        writer: the library that wrote it, with its version; None where this program alone did.
        singled_out: of the first file of a table of people, who stands out in the table, as singled_out.py counts it.
            None of others, and of what was sent before it was counted.
    """

    name: str
    kind: FileKind
    rows: int | None
    bytes: int
    sha256: str
    md5: str
    crc32c: str
    replaced: int = 0
    formulas: int = 0
    fitting: Mapping[str, Mapping[str, int]] | None = None
    content: Mapping[str, Any] | None = None
    writer: str | None = None
    singled_out: Mapping[str, Any] | None = None

    @property
    def values(self) -> str | None:
        """SHA-256 of its rows, in hexadecimal: the same whichever version of a library laid them out."""
        return None if self.content is None else str(self.content["values_sha256"])

    @property
    def rows_set_aside(self) -> int:
        """How many rows could not be laid out, and are not in it."""
        return sum((self.fitting or {}).get("setAside", {}).values())

    @property
    def is_metadata(self) -> bool:
        """Whether it says what a table of statistics beside it has: it holds no rows of the extract."""
        return self.name.endswith(METADATA)

    @property
    def base_name(self) -> str:
        return self.name.rsplit("/", maxsplit=1)[-1]

    @property
    def media_type(self) -> str:
        """What a service is told that it is, by the ending of its name."""
        return _MEDIA.get(self.name.rsplit(".", maxsplit=1)[-1], "application/octet-stream")

    def partial_name(self, attempt: int) -> str:
        """What its upload is called until it is whole, at destinations that have no atomic upload."""
        folder = self.name.removesuffix(self.base_name)
        return f"{folder}.{self.base_name}.attempt-{attempt}.part"


class _Hash(Protocol):
    def update(self, piece: bytes) -> None: ...

    def digest(self) -> bytes: ...


def _crc32c() -> _Hash:
    checksum: _Hash = google_crc32c.Checksum()  # type: ignore[no-untyped-call]
    return checksum


class Checksums:
    """The size and the checksums of a file, taken of its pieces in their order."""

    def __init__(self) -> None:
        self._size = 0
        self._sha256, self._md5, self._crc32c = hashlib.sha256(), hashlib.md5(usedforsecurity=False), _crc32c()

    def add(self, piece: bytes) -> None:
        """The next piece."""
        self._size += len(piece)
        self._sha256.update(piece)
        self._md5.update(piece)
        self._crc32c.update(piece)

    def facts(self, name: str, rows: int | None, kind: FileKind = "data") -> FileFacts:
        """What they say of a file of that name."""
        return FileFacts(
            name=name,
            kind=kind,
            rows=rows,
            bytes=self._size,
            sha256=self._sha256.hexdigest(),
            md5=base64.b64encode(self._md5.digest()).decode(),
            crc32c=base64.b64encode(self._crc32c.digest()).decode(),
        )


def facts_of(path: Path, name: str, rows: int | None, kind: FileKind = "data") -> FileFacts:
    """Read a file from the disk and state its facts."""
    checksums = Checksums()
    with path.open("rb") as source:
        for piece in chunks(source):
            checksums.add(piece)
    return checksums.facts(name, rows, kind)
