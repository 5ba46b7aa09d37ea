"""Differences of structure: what is different, what is done about it, who has to act, and the error that says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from warehouse.core.errors import DriftHeld, MeaningChanged, NewColumnsHeld, RuleChanged, WarehouseError
from warehouse.core.finding import Finding, failed, warning
from warehouse.replicate.classification import not_classified

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
    "left behind",
    "cut",
    "unfinished",
    "line",
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
RULES: frozenset[Kind] = frozenset({"left behind", "cut", "unfinished"})
"""A rule of the file changed, and what is stored does not follow it yet."""

NOT_CLASSIFIED = "it is not classified yet"

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
            return "the file" if self.kind == "line" else "publication"
        return f"{self.table}.{self.column}" if self.column else self.table

    def __str__(self) -> str:
        return f"{self.name}: {self.what}; {self.will}"

    def finding(self) -> Finding:
        """The difference as `drift` lists it: a failure where a person has to decide, or has to compare."""
        code = self.kind.replace(" ", "_").replace("-", "_")
        if self.kind == "other table":
            return failed(code, str(self), "warehouse replicate repair", MeaningChanged)
        if self.kind in RULES:
            return failed(code, str(self), "warehouse replicate apply", RuleChanged)
        if self.needs == "decision":
            return Finding(code, "failed", str(self), error=DriftHeld)
        if self.needs == "classification":
            return warning(code, str(self), "Give it a line in replication/trs.yml, then: warehouse replicate apply")
        # What `apply` deals with: the command says so once, under all of them.
        return warning(code, str(self))


@dataclass(frozen=True)
class Outcome:
    """What was done about the differences of structure, and what is left.

    Attributes:
        done: a line for each thing that was changed.
        left: the differences that there are now.
        failures: what could not be done; everything else was.
    """

    done: Sequence[str] = ()
    left: Sequence[Difference] = ()
    failures: Sequence[WarehouseError] = field(default=())

    @property
    def notes(self) -> list[str]:
        """What is left for a person, in a line each."""
        return [str(one) for one in self.left if one.needs != "nothing"]

    def finished(self) -> Outcome:
        """The same after marts and delivered files have been seen to."""
        return replace(self, left=[one for one in self.left if one.kind != "unfinished"])

    def urgent(self) -> WarehouseError | None:
        """What is more urgent than columns that wait to be classified: a failure, or a decision."""
        error = self.error()
        return None if isinstance(error, NewColumnsHeld) else error

    def error(self) -> WarehouseError | None:
        """What to raise when everything else is done: a failure, a decision, a column to classify; or nothing."""
        return self.failures[0] if self.failures else error_of(self.left)


def error_of(left: Sequence[Difference]) -> WarehouseError | None:
    """The error for what a person has to do: compare (64), follow (26), decide (42) or classify (41); None: nothing."""
    doubted = [one for one in left if one.kind == "other table"]
    if doubted:
        first = doubted[0]
        return MeaningChanged(
            f"{first.name} is not known to be equal to the source any more: {first.what}{_more(doubted)}.",
            meaning="The stream goes by names, and this name meant something else for a while, or does now. Nothing is "
            "built or delivered until the rows have been compared.",
            next_command="warehouse replicate repair compares them, and writes what differs.",
        )
    changed = [one for one in left if one.kind in RULES]
    if changed:
        first = changed[0]
        return RuleChanged(
            f"replication/trs.yml changed, and the warehouse has not followed: {first.name}: {first.what}"
            f"{_more(changed)}.",
            meaning="Nothing more comes in against the new rule. What is stored already stays until a person removes "
            "it, because no history can be fetched again; nothing is built or delivered until then.",
            next_command="`warehouse replicate drift` shows each change; `warehouse replicate apply` follows them. If "
            "the edit was a slip, take it back, then: warehouse replicate run",
        )
    decide = [one for one in left if one.needs == "decision"]
    classify = [one for one in left if one.needs == "classification"]
    if decide:
        first = decide[0]
        return DriftHeld(
            f"The source's structure changed, and a person has to decide: {first.name}: {first.what}{_more(decide)}.",
            meaning=f"{first.will[0].upper()}{first.will[1:]}. Everything else was done, and marts are still built.",
            next_command="warehouse replicate drift shows each difference and what can be done about it.",
        )
    if classify:
        shown = ", ".join(("table " if one.column is None else "") + one.name for one in classify[:5])
        more = f" and {len(classify) - 5} more" if len(classify) > 5 else ""
        return not_classified(shown + more)
    return None


def _more(found: Sequence[Difference]) -> str:
    return f"; and {len(found) - 1} more" if len(found) > 1 else ""
