"""What a column of a query is made of: flows from columns of the relations that the query reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum


class Kind(StrEnum):
    """How an origin reaches a column."""

    VALUE = "value"
    """The column's value is computed from it."""
    LOOKED_UP = "looked up"
    """It is compared with a column of the value's own relation, and so decides which of its rows this is."""
    LISTED = "listed"
    """The same where the relation keeps all its rows, as the left side of a left join does."""
    ROWS = "rows"
    """A condition on it decides which rows there are."""
    JOINED = "joined"
    """It decides which rows there are by being compared with another relation's column."""


@dataclass(frozen=True, order=True)
class Origin:
    """A column of a relation that a query reads.

    Attributes:
        relation: its place, such as "marts.dim_person"; for a source "trs.persons".
    """

    relation: str
    column: str

    def __str__(self) -> str:
        return f"{self.relation}.{self.column}"


@dataclass(frozen=True, order=True)
class Flow:
    """One way from an origin to a column.

    Attributes:
        through: the release that the value passes through (see releases.yml); empty for none.
        against: of a look-up, the columns that it is compared with.
    """

    origin: Origin
    kind: Kind = Kind.VALUE
    through: str = ""
    against: tuple[Origin, ...] = ()


Flows = frozenset[Flow]

NONE: Flows = frozenset()


def as_rows(flows: Flows) -> Flows:
    """The same origins, deciding which rows there are."""
    return _values_as(flows, Kind.ROWS)


def as_joined(flows: Flows) -> Flows:
    """The same origins, deciding which rows of two relations belong together."""
    return _values_as(flows, Kind.JOINED)


def _values_as(flows: Flows, kind: Kind) -> Flows:
    return frozenset(replace(flow, kind=kind) if flow.kind is Kind.VALUE else flow for flow in flows)


def as_values(flows: Flows) -> Flows:
    """Conditions on rows, as values: a constant that stands in some rows only says what chose them."""
    return frozenset(replace(flow, kind=Kind.VALUE) if flow.kind is Kind.ROWS else flow for flow in flows)


def released(flows: Flows, through: str) -> Flows:
    """The same flows, their values released by a macro or an operator. The first release stands: it saw the value."""
    return frozenset(
        replace(flow, through=flow.through or through) if flow.kind is Kind.VALUE else flow for flow in flows
    )


def marked(flows: Flows, through: str) -> Flows:
    """The flows of a mark that a value is there. What chose the rows becomes a value: the mark says if it chose one."""
    return as_values(released(flows, through))


def looked_up(flows: Flows, by: Flows, kind: Kind) -> Flows:
    """What the columns of one side of a comparison say of the rows on the other side, whose columns are `by`."""
    against = tuple(sorted({flow.origin for flow in by if flow.kind is Kind.VALUE}))
    return frozenset(replace(flow, kind=kind, against=against) for flow in flows if flow.kind is Kind.VALUE)


def union(many: Iterable[Flows]) -> Flows:
    """All flows of several expressions."""
    return frozenset().union(*many)


@dataclass
class Relation:
    """What a table, a common table expression or a query gives.

    Attributes:
        columns: of each output column, what it is made of.
        rows: what decides which rows there are.
        others: what a column that is not listed is made of, for functions whose columns only the server knows.
    """

    columns: dict[str, Flows]
    rows: Flows = NONE
    others: Flows | None = field(default=None)

    def whole(self) -> dict[str, Flows]:
        """Every column with what decides about its rows."""
        return {name: flows | self.rows for name, flows in self.columns.items()}
