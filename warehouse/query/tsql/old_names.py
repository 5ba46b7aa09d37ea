"""What is known of the old reporting copy's names: what they are now, and what to use where they are gone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from warehouse.query.tsql.kinds import Kind

SCHEMA: Final = "legacy"
"""Where the old tables are now. SQL Server's own default schema, dbo, means it as well."""

OLD_SCHEMAS: Final = frozenset({"", "dbo", SCHEMA})

TableName = tuple[str, str]
"""Schema and table, in small letters."""


@dataclass(frozen=True)
class Column:
    """A column that can be read.

    Attributes:
        name: as the database spells it.
        was_guid: whether it had the identifier of a row of a look-up table, and has the look-up's code now.
    """

    name: str
    kind: Kind
    was_guid: bool = False


@dataclass(frozen=True)
class Gone:
    """An old name without a successor.

    Attributes:
        why: part of a sentence: "it was not carried over to TRS".
        instead: a sentence; empty where there is nothing to use.
    """

    why: str
    instead: str = ""


@dataclass(frozen=True)
class Table:
    """A table or view that can be read, by its columns' names in small letters.

    Attributes:
        gone: columns that the old table had and that it no longer has.
    """

    schema: str
    name: str
    columns: Mapping[str, Column]
    gone: Mapping[str, Gone] = field(default_factory=dict)

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True)
class Code:
    """An old code.

    Attributes:
        label: what it meant.
        shown_as: the code that the view shows for it; None where it shows none.
    """

    label: str
    shown_as: str | None


@dataclass(frozen=True)
class OldNames:
    """What a query's names mean.

    Attributes:
        tables: those that can be read.
        gone: old tables without a successor.
        codes: of a column, by table and column: the codes that it can have, or of a look-up with newer ones those alone
            that are gone.
        homes: of a column's name, the old tables that have it now.
        listed_for: of a column of a look-up, which lists codes that are gone as well: the tables whose rows have them.
    """

    tables: Mapping[TableName, Table] = field(default_factory=dict)
    gone: Mapping[str, Gone] = field(default_factory=dict)
    codes: Mapping[tuple[str, str], Mapping[str, Code]] = field(default_factory=dict)
    homes: Mapping[str, Collection[str]] = field(default_factory=dict)
    listed_for: Mapping[tuple[str, str], Collection[str]] = field(default_factory=dict)


LookUp = Callable[[Collection[TableName]], OldNames]
"""What is known of the tables that a query names."""
