"""Keys of rows as ledgers and messages show them: a sensitive one only by its hash."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from warehouse.replicate.classification import Classification

Hidden = frozenset[tuple[str, str]]
"""Tables with columns whose values are never shown."""


def hidden_columns(classification: Classification) -> Hidden:
    """The columns that are sensitive or secret."""
    return frozenset(
        (table, name)
        for table, entry in classification.tables.items()
        for name, column in entry.columns.items()
        if column.classification in ("sensitive", "secret")
    )


def shown(table: str, key: Mapping[str, str | None], hidden: Hidden) -> dict[str, str | None]:
    """A key with the values of hidden columns hashed: equal ones can be recognised, and nobody can be read off."""
    return {
        name: "md5:" + hashlib.md5(value.encode(), usedforsecurity=False).hexdigest()
        if value is not None and (table, name) in hidden
        else value
        for name, value in key.items()
    }
