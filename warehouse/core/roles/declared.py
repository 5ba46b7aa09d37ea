"""What each role may do in the warehouse's database. Everything else it may not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, LiteralString, NamedTuple

from warehouse.core.roles.names import READERS, Role
from warehouse.core.roles.relations import ANALYSTS, MARTS, NARROW, SHOWN_BY_CLASS, Relation

ORDER: Final = ("open", "personal", "sensitive")
_SEES: Final = dict(zip(READERS, ORDER, strict=True))

_FOR_EVERY_READER: Final = frozenset({"builds", "dropped_history"})
_WITH_KEYS_OF_ROWS: Final = frozenset({"build_findings"})
"""Tables of the ledger that analysts are referred to. The others are for those who see everything."""

_OF_HISTORY: Final = ("as_known_at", "as_at")
"""Schemas with functions alone, for those who may read every version."""

_WRITTEN_BY_DELIVERIES: Final[dict[str, tuple[LiteralString, ...]]] = {
    "deliveries": ("insert", "update"),
    "delivery_files": ("insert", "update"),
    "delivery_states": ("insert",),
    "delivery_decisions": ("insert",),
    "delivery_indexes": ("insert",),
    "delivered_identifiers": ("insert",),
    "delivered_people": ("insert",),
    "change_sets": ("insert",),
    "keys": ("insert",),
    "pseudonym_periods": ("insert",),
    "only_delivery": ("update",),
}
"""Nothing is deleted, and what a trigger of the ledger refuses, such as changing a receipt, stays refused."""

_FILLED_IN_BY_DELIVERIES: Final = {"change_sets": ("facts",)}
"""Columns that are written when the files of a set were made; its span stays as it was planned."""


class Right(NamedTuple):
    """One thing that may be done.

    Attributes:
        what: such as "select" or "create".
        on: "schema.relation", "schema x", "database" or "function f()".
        column: only of a table or view that may be read; "" for everything else.
    """

    what: str
    on: str
    column: str = ""

    def __str__(self) -> str:
        return f"{self.what} on {self.on}" + (f" ({self.column})" if self.column else "")


class Grant(NamedTuple):
    """A right on a table or view as GRANT takes it: on all columns, also on those that come later, or on some."""

    what: LiteralString
    columns: tuple[str, ...] | None


def grants(role: Role, relation: Relation) -> list[Grant]:
    """What a role is granted on a table or a view."""
    if role in READERS:
        return _of_reader(_SEES[role], relation)
    read = [Grant("select", None)]
    if role is Role.deliverer:
        if relation.kind == "published" and relation.schema in (MARTS, "extracts", "seeds"):
            return read
        if relation.kind == "ledger":
            filled_in = _FILLED_IN_BY_DELIVERIES.get(relation.name)
            return [
                *read,
                *(Grant(one, None) for one in _WRITTEN_BY_DELIVERIES.get(relation.name, ())),
                *([Grant("update", filled_in)] if filled_in else []),
            ]
        # Of the replica and its history, what change files are made of.
        return [Grant("select", relation.leaving)] if relation.leaving else []
    if role is Role.builder:
        return read if relation.kind in ("replica", "versions", "ledger") else []
    return [] if relation.kind == "candidate" else read


def rights(role: Role, relations: Iterable[Relation], schemas: Iterable[str]) -> set[Right]:
    """Everything that a role may do, one right at a time."""
    found, schemas = {Right("connect", "database")}, set(schemas)
    for relation in relations:
        given = grants(role, relation)
        if given:
            found.add(Right("usage", f"schema {relation.schema}"))
            if relation.kind == "versions":
                # The functions there read versions with the rights of whoever calls them.
                found |= {Right("usage", f"schema {asking}") for asking in _OF_HISTORY if asking in schemas}
        for one in given:
            if one.what == "select":
                # PostgreSQL's own columns, such as xmin, hold nothing that could be read.
                shown = set(relation.columns).intersection(one.columns or relation.columns)
                found |= {Right("select", relation.place, column) for column in shown}
            else:
                found.add(Right(one.what, relation.place))
    if role in READERS and ANALYSTS in schemas:
        found |= {Right("usage", f"schema {ANALYSTS}"), Right("create", f"schema {ANALYSTS}")}
    if role in (Role.builder, Role.engineer):
        found |= {Right("create", "database"), Right("temporary", "database")}
    return found


def visible(relation: Relation, highest: str) -> list[str]:
    """The columns of a published table of which the class is no higher."""
    allowed = ORDER[: ORDER.index(highest) + 1]
    return [name for name in relation.columns if relation.classes.get(name, "sensitive") in allowed]


def _of_reader(highest: str, relation: Relation) -> list[Grant]:
    if relation.kind == "published" and relation.schema in SHOWN_BY_CLASS and highest != "sensitive":
        columns = visible(relation, highest)
        return [Grant("select", tuple(columns))] if columns else []
    return [Grant("select", None)] if _is_shown_whole(highest, relation) else []


def _is_shown_whole(highest: str, relation: Relation) -> bool:
    if relation.kind == "narrow":
        return ORDER.index(NARROW[relation.schema]) <= ORDER.index(highest)
    if highest == "sensitive":
        return relation.kind not in ("candidate", "history")
    if relation.kind == "ledger":
        return relation.name in _FOR_EVERY_READER | (_WITH_KEYS_OF_ROWS if highest == "personal" else frozenset())
    return relation.kind == "published" and relation.schema == "seeds"
