"""A file of fixed width without a person, or without columns; the manifest beside it says where each field is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

from warehouse.core import data_package
from warehouse.erase.subject import Subject

SUFFIX: Final = ".txt"

_END: Final = b"\r\n"


@dataclass(frozen=True)
class _Field:
    name: str | None
    constant: bytes
    at: slice

    def text(self, record: bytes, encoding: str) -> str:
        return record[self.at].decode(encoding).strip(" ")


@dataclass(frozen=True)
class Layout:
    """The layout that a manifest states."""

    encoding: str
    records: tuple[tuple[_Field, ...], ...]

    def fields(self, record: bytes) -> list[_Field]:
        """The columns in a record: of the record whose constants it has."""
        for fields in self.records:
            if all(record[one.at] == one.constant for one in fields if one.name is None):
                return [one for one in fields if one.name is not None]
        return []


def layout_beside(path: Path) -> Layout | None:
    """The layout of a file by the manifest beside it; None where there is none, as before a delivery is closed."""
    said = data_package.resource_beside(path)
    if "layout" not in said:
        return None
    records: Mapping[str, Any] = said["layout"]["records"]
    encoding = str(said["encoding"])
    return Layout(encoding, tuple(tuple(_field(one, encoding) for one in fields) for fields in records.values()))


def _field(said: Mapping[str, Any], encoding: str) -> _Field:
    start = int(said["start"]) - 1
    constant = str(said.get("constant", "")).encode(encoding)
    return _Field(said.get("field"), constant, slice(start, start + int(said["width"])))


def without_person(path: Path, target: BinaryIO | None, subject: Subject, own: Collection[str]) -> tuple[int, int, int]:
    """Write a file again without the records of a person, and with spaces for their identifiers in those of others.

    Args:
        target: where; None to only count.
        own: the columns that say whose record it is.

    Returns:
        How many records are left, went, and have fewer values.
    """
    layout, find = layout_beside(path), subject.finder
    words = [value.encode() for values in subject.identifiers.values() for value in values]
    rows = removed = emptied = 0
    for record in _records(path):
        if layout is None:
            # Without a manifest it is not known where a field ends: a record that has an identifier anywhere counts.
            theirs, gone = any(word in record.lower() for word in words), []
        else:
            texts = [(one, one.text(record, layout.encoding)) for one in layout.fields(record)]
            theirs = any(one.name in own and find.fullmatch(text) for one, text in texts)
            gone = [one for one, text in texts if find.search(text)]
        if theirs:
            removed += 1
            continue
        rows, emptied = rows + 1, emptied + bool(gone)
        if target:
            target.write(_blank(record, gone) + _END)
    return rows, removed, emptied


def without_columns(path: Path, target: BinaryIO, names: Collection[str]) -> tuple[int, bool]:
    """Write a file again with spaces in place of some columns; how many records it has, and whether any changed."""
    layout = layout_beside(path)
    rows, differs = 0, False
    for record in _records(path):
        fields = layout.fields(record) if layout else []
        made = _blank(record, [one for one in fields if one.name in names])
        rows, differs = rows + 1, differs or made != record
        target.write(made + _END)
    return rows, differs


def texts(path: Path) -> Iterator[tuple[str, str]]:
    """The texts of a file's fields, each with the name of its column; none where no manifest says where they are."""
    layout = layout_beside(path)
    for record in _records(path) if layout else ():
        assert layout is not None
        yield from ((one.name or "", one.text(record, layout.encoding)) for one in layout.fields(record))


def _records(path: Path) -> Iterator[bytes]:
    with path.open("rb") as source:
        for line in source:
            yield line.removesuffix(_END)


def _blank(record: bytes, fields: Collection[_Field]) -> bytes:
    made = bytearray(record)
    for one in fields:
        made[one.at] = b" " * len(made[one.at])
    return bytes(made)
