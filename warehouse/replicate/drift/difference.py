"""One difference of structure: what is different, what is done about it, and who has to do something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "publication",
    "other table",
    "other column",
    "add column",
    "new column",
    "publish",
    "back-fill",
    "widened",
    "narrowed",
    "changed type",
    "dropped column",
    "missing",
    "generated",
    "unknown type",
    "released",
    "secret",
    "unpublish",
    "retire",
    "retired",
    "add table",
    "new table",
    "publish table",
    "subscribe",
    "subscription",
    "copying",
    "dropped table",
    "unpublish table",
    "retire table",
    "identity",
    "key",
]
Needs = Literal["nothing", "classification", "decision"]


@dataclass(frozen=True)
class Difference:
    """One difference.

    Attributes:
        column: None when it is about a table, or about the publication as a whole (then `table` is empty).
        what: what is different, as a clause.
        will: what is or will be done about it, as a clause.
        needs: what a person has to do: nothing, a line in replication/trs.yml, or a decision.
        pending: `apply` has something to do about it now.
        automatic: a run may do that by itself.
    """

    kind: Kind
    table: str
    column: str | None
    what: str
    will: str
    needs: Needs = "nothing"
    pending: bool = True
    automatic: bool = True

    @property
    def name(self) -> str:
        """What it is about: the table, the column or the publication."""
        if not self.table:
            return "publication"
        return f"{self.table}.{self.column}" if self.column else self.table

    def __str__(self) -> str:
        return f"{self.name}: {self.what}; {self.will}"
