"""Keys of rows as ledgers and messages show them: a sensitive one only by its keyed hash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import psycopg

from warehouse.core.keyed_hashes import Hide, hiding
from warehouse.core.settings import Settings
from warehouse.replicate.classification import Classification


@dataclass(frozen=True)
class Hidden:
    """What is never shown.

    Attributes:
        columns: tables with columns whose values are never shown.
        hide: gives what is shown in the place of a value.
    """

    columns: frozenset[tuple[str, str]]
    hide: Hide

    @classmethod
    def of(cls, warehouse: psycopg.Connection, settings: Settings, classification: Classification) -> Hidden:
        """What is never shown of the replicated tables."""
        return cls(hidden_columns(classification), hiding(warehouse, settings))


def hidden_columns(classification: Classification) -> frozenset[tuple[str, str]]:
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
        name: hidden.hide(value) if value is not None and (table, name) in hidden.columns else value
        for name, value in key.items()
    }
