"""The types that the columns of the sources have on BigQuery, from those that they have in PostgreSQL."""

from __future__ import annotations

import csv
import re
from typing import Any, Final

from tests.python.dbt.googlesql.engine import Column
from warehouse.core.settings import PROJECT
from warehouse.replicate.classification import load_classification

COLUMNS: Final = PROJECT / "tests/python/sandbox/schema/columns.csv"
LEDGER: Final = PROJECT / "warehouse/core/ledger/migrations"

# By the first word of PostgreSQL's name of a type; whatever has no counterpart is text, as identifiers are.
TYPES: Final = {
    "bigint": "INTEGER",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "integer": "INTEGER",
    "jsonb": "JSON",
    "numeric": "NUMERIC",
    "smallint": "INTEGER",
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMP",
    "double": "FLOAT",
    "int": "INTEGER",
    "xid8": "INTEGER",
}

# What a versions view has beside the columns of its table: docs/adr/0004-typed-history.md.
VERSION: Final = (
    Column("known_from", "TIMESTAMP"),
    Column("known_to", "TIMESTAMP"),
    Column("operation", "STRING"),
    Column("ended_by", "STRING"),
    Column("from_xid", "INTEGER"),
    Column("to_xid", "INTEGER"),
    Column("began_after", "TIMESTAMP"),
    Column("ended_after", "TIMESTAMP"),
    Column("epoch_id", "INTEGER"),
)


def column(name: str, type_: str) -> Column:
    word = re.split(r"[\s(\[]", type_, maxsplit=1)[0]
    return Column(name, TYPES.get(word, "STRING"), is_array=type_.endswith("[]"))


def source_tables(manifest: dict[str, Any]) -> dict[tuple[str, str, str], tuple[Column, ...]]:
    """Each source of the project, where dbt looks for it on BigQuery, with its columns."""
    replicated, ledger = _replicated(), _ledger()
    columns = {
        "trs": lambda name: replicated[name],
        "trs_versions": lambda name: VERSION + replicated[name],
        "ledger": lambda name: ledger[name],
    }
    return {
        (source["database"], source["schema"], source["identifier"]): columns[source["source_name"]](source["name"])
        for source in manifest["sources"].values()
    }


def _replicated() -> dict[str, tuple[Column, ...]]:
    with COLUMNS.open(encoding="utf-8") as file:
        types = {(row["table"], row["column"]): row["type"] for row in csv.DictReader(file)}
    published = load_classification().published
    return {table: tuple(column(name, types[table, name]) for name in names) for table, names in published.items()}


def _ledger() -> dict[str, tuple[Column, ...]]:
    """The ledger's tables, as its migrations create and alter them."""
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(LEDGER.glob("*.sql")))
    text = re.sub(r"--[^\n]*", "", text)
    found = {}
    for name, body in re.findall(r"create table (?:ledger\.)?(\w+) \((.*?)\n\)", text, re.DOTALL):
        lines = re.findall(r"^ {4}(\w+) +(\w+(?:\[\])?)", body, re.MULTILINE)
        found[name] = [column(*line) for line in lines if line[0] not in ("primary", "check", "unique", "foreign")]
    for name, added in re.findall(r"alter table (?:ledger\.)?(\w+)((?:\s+add column \w+ \w+[^;]*?,?)+);", text):
        found[name] += [column(*each) for each in re.findall(r"add column (\w+) (\w+(?:\[\])?)", added)]
    return {name: tuple(columns) for name, columns in found.items()}
