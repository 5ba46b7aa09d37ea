"""What a CSV file holds, as CSV on the Web says it: the metadata of tabular data that GOV.UK's standard names.

It follows from the contract alone, so that a receiver can have it before the first file. Beside a file it is called
`<file>-metadata.json`.
"""

from __future__ import annotations

import re
from typing import Any, Final

from warehouse.core.contracts import Column, Contract, Kind
from warehouse.core.errors import UsageError

_BASES: Final = {
    Kind.STRING: "string",
    Kind.INTEGER: "integer",
    Kind.DECIMAL: "decimal",
    Kind.FLOAT: "double",
    Kind.BOOLEAN: "boolean",
    Kind.DATE: "date",
    Kind.TIMESTAMP: "dateTime",
    Kind.TIMESTAMP_WITH_ZONE: "dateTimeStamp",
}
_OPTIONS: Final = {
    "minLength": "minLength",
    "maxLength": "maxLength",
    "minimum": "minInclusive",
    "maximum": "maxInclusive",
    "exclusiveMinimum": "minExclusive",
    "exclusiveMaximum": "maxExclusive",
    "pattern": "format",
}
"""The words of the contract standard, and those of CSV on the Web."""


def metadata(contract: Contract, file: str) -> dict[str, Any]:
    """The metadata of a CSV file.

    Args:
        file: its name, beside which the metadata is.

    Raises:
        UsageError: the contract's files are not CSV, or it has several and the name is that of none.
    """
    if contract.parts:
        contract = _of_file(contract, file)
    if contract.format.kind != "csv":
        raise UsageError(
            f"{contract.recipient}/{contract.name} is delivered as {contract.format.kind}, not as CSV.",
            meaning="CSV on the Web has no words for another form. Nothing was written.",
            next_command="Its data package, datapackage.json, says what is in each file.",
        )
    return {
        "@context": ["http://www.w3.org/ns/csvw", {"@language": "en"}],
        "url": file,
        "dc:title": f"{contract.recipient}/{contract.name}",
        "dc:description": contract.description,
        "dc:publisher": contract.grounds.owner,
        "dc:identifier": f"{contract.id} {contract.version}",
        "dialect": {
            "encoding": "utf-8",
            "delimiter": ",",
            "lineTerminators": ["\r\n"],
            "quoteChar": '"',
            "doubleQuote": True,
            "header": True,
            "headerRowCount": 1,
            "trim": False,
        },
        "tableSchema": {
            "columns": [_column(column) for column in contract.columns],
            "primaryKey": [contract.column(name).in_file for name in contract.sort_key],
        },
    }


def _of_file(contract: Contract, file: str) -> Contract:
    """The contract of one file of several, by its table's name, with which the file's begins."""
    csv = [one for one in contract.files if one.format.kind == "csv"]
    found = next((one for one in csv if re.split(r"[-.]", file)[0] == (one.table or contract.name)), None)
    if csv and found is None:
        raise UsageError(
            f"{contract.recipient}/{contract.name} has no file called {file!r}.",
            meaning="Nothing was written.",
            next_command=f"Name one of {', '.join(f'{one.table}.csv' for one in csv)}, or a file as it was delivered.",
        )
    return found or contract


def _column(column: Column) -> dict[str, Any]:
    kind = column.type.kind
    datatype: dict[str, Any] = {"base": _BASES[kind]}
    if kind is Kind.BOOLEAN:
        datatype["format"] = "true|false"
    for name, word in _OPTIONS.items():
        # A format of another base than a text is no regular expression there.
        if name in column.constraints and (name != "pattern" or kind is Kind.STRING):
            value = column.constraints[name]
            datatype[word] = value if isinstance(value, int | float) else str(value)
    return {
        "name": column.in_file,
        "titles": column.in_file,
        "dc:description": column.description,
        "datatype": datatype,
        "null": "",
        **({"required": True} if column.required else {}),
    }
