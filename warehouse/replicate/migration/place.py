"""Where a migration is: what its statements have done so far, and what is said of one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from warehouse.replicate.migration.sent import Sent
from warehouse.replicate.migration.statements import Node

Verdict = Literal["refused", "harmful", "afterwards", "not understood"]
Said = tuple[Verdict, str, str]
"""A verdict, what would happen, and what to do about it."""

CLASSIFY = "Give it a line in replication/trs.yml"
IDENTITY = "Leave the primary key as the identity, or release the whole table first"
COMPARE = "Afterwards: warehouse replicate run, then warehouse replicate repair"
LOOK = "Have a person look at what it does to published tables, then name its line: --looked-at LINE"


@dataclass
class Place:
    """What the statements before have done: the names of tables follow renames, and columns are released."""

    sent: Sent
    renamed: dict[str, str] = field(default_factory=dict)
    released: dict[str, set[str] | None] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)

    def table(self, relation: Node | None) -> str | None:
        """The table of the replicated schema that a name leads to; None for one of another schema, or made here."""
        if relation is None or relation.get("schemaname", self.sent.schema) != self.sent.schema:
            return None
        name = str(relation.get("relname", ""))
        return None if name in self.made else self.renamed.get(name, name)

    def published(self, table: str | None) -> set[str]:
        """The columns of a table that are published at that place in the file."""
        if table is None or table not in self.sent.columns:
            return set()
        gone = self.released.get(table, set())
        return set() if gone is None else set(self.sent.columns[table]) - gone


def unknown(what: str) -> Said:
    """What is said of a statement that cannot be judged from outside."""
    return "not understood", what, LOOK


def release_first(place: Place, table: str, column: str | None) -> str:
    """What to put before a statement, so that it meets nothing that is published."""
    keys = place.sent.keys.get(table, frozenset()) if place.sent.keys is not None else frozenset()
    arguments = f"'{place.sent.schema}.{table}'" + (f", '{column}'" if column and column not in keys else "")
    return f"Before it, in the same file: select {place.sent.name}.release({arguments});"
