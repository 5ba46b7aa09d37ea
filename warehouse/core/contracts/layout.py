"""The layout of a file of fixed width, as its contract says it: which record has which field where."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from warehouse.core.contracts.types import ColumnType, Kind

Encoding = Literal["windows-1252", "ascii"]

_ENCODINGS: Final = ("windows-1252", "ascii")
_DATE_FORMATS: Final = {"ddMMyy": "%d%m%y", "ddMMyyyy": "%d%m%Y", "yyyyMMdd": "%Y%m%d"}
_LAYOUT: Final = {"fileName", "encoding", "width", "recordColumn", "together", "records"}
_FIELD: Final = {"start", "width", "column", "constant", "format", "align", "whenTooLong", "whenShort", "required"}
_CHOICES: Final = {"align": ("left", "right"), "whenTooLong": ("refuse", "cut"), "whenShort": ("pad", "refuse")}
"""What a field may say, the first of each where it says nothing."""

_FILE_NAME: Final = re.compile(r"^(?:[A-Za-z0-9_.-]|\{yyyyMMdd\}|\{HHmmss\})+$")


class BadLayout(ValueError):
    """A layout that no file can have; its text says where and why."""


@dataclass(frozen=True)
class Field:
    """A run of bytes in a record.

    Attributes:
        start: its first byte, counted from 1.
        column: whose value it has; None for a constant.
        date_format: of a date, as Python writes it.
        cut: whether a value that is too long is cut, and counted; otherwise its row is set aside.
        full: whether a value has to fill it.
        required: whether a row without a value is set aside; otherwise the field is spaces.
    """

    start: int
    width: int
    column: str | None = None
    constant: str = ""
    date_format: str | None = None
    align: Literal["left", "right"] = "left"
    cut: bool = False
    full: bool = False
    required: bool = False


@dataclass(frozen=True)
class Layout:
    """How the rows of a file are laid out; what no field has is spaces. Each record ends with CR and LF.

    Attributes:
        file_name: with {yyyyMMdd} and {HHmmss} for the end of the period, in London.
        width: of a record in bytes, which the code page has one of for each character.
        record_column: whose value says which record a row is.
        records: the fields of each record, by that value.
        together: columns; rows that have them in common stay together: none goes without the others.
    """

    file_name: str
    encoding: Encoding
    width: int
    record_column: str
    records: Mapping[str, tuple[Field, ...]]
    together: tuple[str, ...] = ()


def layout_of(given: object, types: Mapping[str, ColumnType]) -> Layout:
    """A layout from the property `fixedWidth` of a contract.

    Args:
        types: of the contract's columns.

    Raises:
        BadLayout: with the first thing that is wrong.
    """
    if not isinstance(given, dict):
        raise BadLayout("is missing: a file of fixed width needs a layout")
    _only(given, _LAYOUT, "")
    encoding, width, file_name = given.get("encoding"), given.get("width"), given.get("fileName")
    if encoding not in _ENCODINGS:
        raise BadLayout(f"encoding is `{encoding}`; it must be {' or '.join(_ENCODINGS)}")
    if not _is_count(width):
        raise BadLayout("width must be a whole number above 0")
    if not isinstance(file_name, str) or not _FILE_NAME.match(file_name) or "{yyyyMMdd}" not in file_name:
        raise BadLayout("fileName must be a name with {yyyyMMdd} in it, and {HHmmss} where it has a time")
    record_column, together = given.get("recordColumn"), given.get("together", [])
    for name in [record_column, *(together if isinstance(together, list) else [together])]:
        if name not in types:
            raise BadLayout(f"no column `{name}` in this contract")
    records = given.get("records")
    if not isinstance(records, dict) or not records:
        raise BadLayout("records is missing: the fields of each record, by its value in recordColumn")
    return Layout(
        file_name=file_name,
        encoding=cast("Encoding", encoding),
        width=cast("int", width),
        record_column=str(record_column),
        records={
            str(name): _record(f"records.{name}", fields, cast("int", width), str(encoding), types)
            for name, fields in records.items()
        },
        together=tuple(together),
    )


def _record(place: str, given: object, width: int, encoding: str, types: Mapping[str, ColumnType]) -> tuple[Field, ...]:
    if not isinstance(given, list) or not given:
        raise BadLayout(f"{place} must be a list of fields")
    fields = [_field(f"{place}[{position}]", one, encoding, types) for position, one in enumerate(given)]
    free = 1
    for position, field in enumerate(fields):
        if field.start < free:
            raise BadLayout(f"{place}[{position}] begins at {field.start}, within or before the field before it")
        free = field.start + field.width
    if free > width + 1:
        raise BadLayout(f"{place} ends at {free - 1}, beyond the width of {width}")
    return tuple(fields)


def _field(place: str, given: object, encoding: str, types: Mapping[str, ColumnType]) -> Field:
    if not isinstance(given, dict):
        raise BadLayout(f"{place} must be a field with `start` and `width`")
    _only(given, _FIELD, f"{place}.")
    start: Any = given.get("start")
    width: Any = given.get("width")
    column, constant = given.get("column"), given.get("constant")
    if not _is_count(start) or not _is_count(width):
        raise BadLayout(f"{place} needs `start` and `width`, whole numbers above 0")
    if (column is None) == (constant is None):
        raise BadLayout(f"{place} needs either `column` or `constant`")
    if constant is not None:
        return Field(start, width, constant=_constant(place, constant, width, encoding))
    if not isinstance(column, str) or column not in types:
        raise BadLayout(f"{place}: no column `{column}` in this contract")
    date_format, kind = given.get("format"), types[column].kind
    if (kind is Kind.DATE) != (date_format in _DATE_FORMATS):
        raise BadLayout(f"{place}: a date, and nothing else, needs `format`, one of {', '.join(_DATE_FORMATS)}")
    if kind not in (Kind.DATE, Kind.STRING):
        raise BadLayout(f"{place}: `{column}` is neither a text nor a date")
    for name, allowed in _CHOICES.items():
        if given.get(name, allowed[0]) not in allowed:
            raise BadLayout(f"{place}.{name} is `{given[name]}`; it must be {' or '.join(allowed)}")
    return Field(
        start,
        width,
        column=column,
        date_format=_DATE_FORMATS[date_format] if date_format else None,
        align=given.get("align", "left"),
        cut=given.get("whenTooLong") == "cut",
        full=given.get("whenShort") == "refuse",
        required=bool(given.get("required", False)),
    )


def _constant(place: str, given: object, width: int, encoding: str) -> str:
    try:
        size = len(codecs.encode(str(given), encoding))
    except UnicodeEncodeError:
        size = 0
    if size != width:
        raise BadLayout(f"{place}: the constant does not have {width} bytes in {encoding}")
    return str(given)


def _only(given: Mapping[Any, Any], known: set[str], place: str) -> None:
    if unknown := sorted(str(name) for name in given if name not in known):
        raise BadLayout(f"`{place}{unknown[0]}` is nothing that a layout says")


def _is_count(given: object) -> bool:
    return isinstance(given, int) and not isinstance(given, bool) and given > 0
