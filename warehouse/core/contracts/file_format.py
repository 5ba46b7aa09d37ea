"""How the rows of a file are written, from what a contract says of it in properties of our own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from warehouse.core.contracts.file_names import why_it_is_no_file_name
from warehouse.core.contracts.layout import BadLayout, Layout, layout_of
from warehouse.core.contracts.model import Column, FileFormat

_Wrong = Callable[[str, str], None]


def format_of(custom: Mapping[str, Any], columns: tuple[Column, ...], wrong: _Wrong) -> FileFormat:
    """The format of a contract's files.

    Args:
        custom: the contract's own properties, by name.
        columns: of the contract.
        wrong: called with the place of each mistake, and what it is.
    """
    kind, level, rows = custom.get("fileFormat"), custom.get("compressionLevel", 3), custom.get("rowsPerFile")
    if kind not in ("parquet", "csv", "fixed-width"):
        wrong("customProperties.fileFormat", f"is `{kind}`; it must be parquet or csv, or fixed-width")
    layout = _layout(kind, custom.get("fixedWidth"), columns, wrong)
    if layout is not None and rows is not None:
        wrong("customProperties.rowsPerFile", "is not for a file of fixed width, whose name is agreed")
    if layout is not None and any(column.heading for column in columns):
        wrong("schema[0].properties", "have a physicalName, and a file of fixed width has no headings")
    if not isinstance(level, int) or not 1 <= level <= 19:
        wrong("customProperties.compressionLevel", "must be a whole number from 1 to 19 (zstd)")
    if rows is not None and (not isinstance(rows, int) or rows < 1):
        wrong("customProperties.rowsPerFile", "must be a whole number above 0")
    control, formula = custom.get("controlCharacters", "refuse"), custom.get("formulaCharacters", "leave")
    if control not in ("refuse", "replace"):
        wrong("customProperties.controlCharacters", f"is `{control}`; it must be refuse or replace")
    if formula not in ("leave", "prefix"):
        wrong("customProperties.formulaCharacters", f"is `{formula}`; it must be leave or prefix")
    if kind != "csv" and "formulaCharacters" in custom:
        wrong("customProperties.formulaCharacters", "is for CSV alone: no spreadsheet opens another file")
    compression = custom.get("compression")
    if "compression" in custom and (kind, compression) != ("csv", "gzip"):
        wrong("customProperties.compression", "must be gzip, and is for CSV alone: Parquet is compressed in itself")
    if compression and "disclosureControl" in custom:
        wrong("customProperties.compression", "is not for statistics, which are published as plain CSV")
    suffix = "csv.gz" if compression == "gzip" else str(kind)
    known: dict[object, Literal["csv", "fixed-width"]] = {"csv": "csv", "fixed-width": "fixed-width"}
    return FileFormat(
        known.get(kind, "parquet"),
        compression_level=level if isinstance(level, int) else 3,
        rows_per_file=rows,
        control_characters=control,
        formula_characters=formula,
        layout=layout,
        file_name=_file_name(custom.get("fileName"), suffix, layout, rows is not None, wrong),
        is_compressed=compression == "gzip",
    )


def _layout(kind: object, given: object, columns: tuple[Column, ...], wrong: _Wrong) -> Layout | None:
    place = "customProperties.fixedWidth"
    if kind != "fixed-width":
        if given is not None:
            wrong(place, "is for a file of fixed width alone")
        return None
    try:
        return layout_of(given, {column.name: column.type for column in columns})
    except BadLayout as error:
        wrong(place, str(error))
        return None


def _file_name(given: Any, kind: str, layout: Layout | None, has_parts: bool, wrong: _Wrong) -> str | None:
    place = "customProperties.fileName"
    if layout is not None:
        if given is not None:
            wrong(place, "is said in fixedWidth")
        return layout.file_name
    if given is None:
        return None
    if reason := why_it_is_no_file_name(given, kind, has_parts):
        wrong(place, reason)
    return str(given)
