"""What differs between two builds: rows and columns, counted. No value is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import psycopg
from psycopg import sql

from warehouse.core import builds
from warehouse.core.errors import VintageRefused
from warehouse.marts import vintages
from warehouse.marts.vintages import CURRENT

_LAYERS: Final = ("marts", "extracts")
_OF_THE_BUILD: Final = ("marts.data_quality", "marts.dim_build", "marts.fct_replication_gaps")
"""Say which build it is, what its own tests found, and what the warehouse had noted of its stream when it ran.

A gap's repair is noted after the last change that it brought, so a build of that change's moment does not know it yet.
"""

_COLUMNS = """
select a.attname::text, a.atttypid::regtype::text
from pg_attribute as a
where a.attrelid = to_regclass(format('%%I.%%I', %s::text, %s::text)) and a.attnum > 0 and not a.attisdropped
order by a.attnum
"""

# Rows are the same row where the columns of their grain are equal; the others are in one of the two only.
_BY_GRAIN = """
select
    count(*) filter (where b.{mark} is null), count(*) filter (where a.{mark} is null),
    count(*) filter (where a.{mark} and b.{mark} and ({differs})){counts}
from (select true as {mark}, * from {left}) as a
full join (select true as {mark}, * from {right}) as b on {same}
"""
_WHOLE_ROWS = """
select
    (select count(*) from (select {columns} from {left} except all select {columns} from {right}) as a),
    (select count(*) from (select {columns} from {right} except all select {columns} from {left}) as b)
"""
_MARK = sql.Identifier("is_row_of_a_build")
_AS_TEXT: Final = ("json", "xml", "point", "unknown")
"""Types without equality; their text is compared."""


@dataclass(frozen=True)
class Difference:
    """How one table of two builds differs.

    Attributes:
        table: such as "marts.dim_person", without what goes before the schemas of a vintage.
        only_in: which of the two has it, where the other has not.
        rows_only_a, rows_only_b: rows of which the other build has no row of the same key.
        changed: rows that both have, with at least one other value.
        columns: those that differ, each with the number of rows in which it does.
        columns_only_a, columns_only_b: columns that one of the two has.
    """

    table: str
    only_in: str | None = None
    rows_only_a: int = 0
    rows_only_b: int = 0
    changed: int = 0
    columns: Mapping[str, int] = field(default_factory=dict)
    columns_only_a: Sequence[str] = ()
    columns_only_b: Sequence[str] = ()

    def __bool__(self) -> bool:
        return bool(
            self.only_in
            or self.rows_only_a
            or self.rows_only_b
            or self.changed
            or self.columns_only_a
            or self.columns_only_b
        )

    def as_dict(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return asdict(self)


@dataclass(frozen=True)
class _Side:
    """A build of the two.

    Attributes:
        grains: its tables, without what goes before their schemas, with the columns that tell their rows apart.
    """

    prefix: str
    grains: Mapping[str, Sequence[str]]


def differences(connection: psycopg.Connection, a: str, b: str) -> list[Difference]:
    """Compare the marts and extracts of two vintages, or of one with the published build ("current").

    Raises:
        VintageRefused: there is no such vintage, or it is not whole.
    """
    left, right = _side(connection, a), _side(connection, b)
    found = []
    for table in sorted({*left.grains, *right.grains} - set(_OF_THE_BUILD)):
        if table not in left.grains or table not in right.grains:
            found.append(Difference(table, only_in=a if table in left.grains else b))
        else:
            grain = left.grains[table] or right.grains[table]
            found.append(_compared(connection, table, left.prefix, right.prefix, grain))
    return found


def _side(connection: psycopg.Connection, name: str) -> _Side:
    if name == CURRENT:
        build = builds.published(connection)
        if build is None:
            raise VintageRefused(
                "There is no published build to compare with.",
                meaning="Nothing was compared.",
                next_command="warehouse run",
            )
        return _Side("", {place: () for place in build.relations if place.split(".")[0] in _LAYERS})
    vintage = vintages.find(connection, name)
    if vintage.state != "kept":
        raise VintageRefused(
            f"The vintage {name} is not whole: its build did not come to its end.",
            meaning="Nothing was compared.",
            next_command=f"warehouse build drop {name}; then build it again",
        )
    layers = tuple(f"{vintage.prefix}{layer}." for layer in _LAYERS)
    made = {
        place.removeprefix(vintage.prefix): grain for place, grain in vintage.made.items() if place.startswith(layers)
    }
    return _Side(vintage.prefix, made)


def _compared(connection: psycopg.Connection, table: str, left: str, right: str, grain: Sequence[str]) -> Difference:
    schema, _, name = table.partition(".")
    of_left: dict[str, str] = dict(connection.execute(_COLUMNS, (left + schema, name)).fetchall())
    of_right: dict[str, str] = dict(connection.execute(_COLUMNS, (right + schema, name)).fetchall())
    both = [column for column in of_left if column in of_right]
    only_a, only_b = [c for c in of_left if c not in of_right], [c for c in of_right if c not in of_left]
    places = {"left": sql.Identifier(left + schema, name), "right": sql.Identifier(right + schema, name)}
    as_text = {column for column in both if of_left[column] in _AS_TEXT or of_left[column] != of_right[column]}
    if not grain or not set(grain) <= set(both):
        listed = [_value(column, "", as_text) for column in both]
        whole = sql.SQL(_WHOLE_ROWS).format(columns=sql.SQL(", ").join(listed), **places)
        rows_a, rows_b = connection.execute(whole).fetchone() or (0, 0)
        return Difference(table, None, rows_a, rows_b, 0, {}, only_a, only_b)
    rest = [column for column in both if column not in grain]
    differs = {
        column: sql.SQL("{} is distinct from {}").format(_value(column, "a", as_text), _value(column, "b", as_text))
        for column in rest
    }
    both_there = sql.SQL("a.{mark} and b.{mark}").format(mark=_MARK)
    counts = [sql.SQL(", count(*) filter (where {} and {})").format(both_there, one) for one in differs.values()]
    query = sql.SQL(_BY_GRAIN).format(
        mark=_MARK,
        differs=sql.SQL(" or ").join(differs.values()) if differs else sql.SQL("false"),
        counts=sql.Composed(counts),
        same=sql.SQL(" and ").join(
            sql.SQL("{} = {}").format(_value(column, "a", as_text), _value(column, "b", as_text)) for column in grain
        ),
        **places,
    )
    rows_a, rows_b, changed, *by_column = connection.execute(query).fetchone() or (0, 0, 0)
    columns = {column: count for column, count in zip(rest, by_column, strict=True) if count}
    return Difference(table, None, rows_a, rows_b, changed, columns, only_a, only_b)


def _value(column: str, of: str, as_text: set[str]) -> sql.Composable:
    named = sql.Identifier(of, column) if of else sql.Identifier(column)
    return sql.SQL("{}::text").format(named) if column in as_text else named
