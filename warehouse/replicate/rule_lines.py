"""The lines of replication/trs.yml as data that can be kept and compared: a line for the file, each table, each column.

An edit of any of them is noticed, because what a line says is held against what it said at the last run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from warehouse.replicate.classification import JSON_FILE, Classification

Place = tuple[str, str]
"""A table and a column of it; an empty column for what is said of the table, both empty for the file."""

FILE: Place = ("", "")


def lines(classification: Classification) -> dict[Place, dict[str, Any]]:
    """Every line, without what it leaves to its default."""
    listed = _digest([_said(classification.json_file, set())])
    found = {FILE: {**_said(classification, {"tables", "json_file"}), JSON_FILE: listed}}
    for table, entry in classification.tables.items():
        found[table, ""] = _said(entry, {"columns"})
        for name, column in entry.columns.items():
            found[table, name] = _said(column, set())
        for name, rule in classification.json_rules(table).items():
            found[table, name]["listed"] = rule.digest
    return found


def cut(classification: Classification, table: str) -> dict[str, str]:
    """For each replicated column of a table a digest of what is cut out of its values; empty for nothing."""
    rules = classification.json_rules(table)
    return {name: rules[name].digest if name in rules else "" for name in classification.columns_of(table)}


def version(classification: Classification) -> str:
    """The SHA-256 of the file; of a classification that no file was read for, of its lines."""
    if classification.file_sha256:
        return classification.file_sha256
    return _digest(sorted((*place, line) for place, line in lines(classification).items()))


def _said(model: Any, without: set[str]) -> dict[str, Any]:
    said: dict[str, Any] = model.model_dump(mode="json", by_alias=True, exclude=without, exclude_defaults=True)
    return said


def _digest(value: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
