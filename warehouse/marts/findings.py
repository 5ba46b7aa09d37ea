"""What the tests of a build found: which rule of which model, how many rows, and the keys of the first of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.types.string import TextLoader

from warehouse.core.classes import Classes
from warehouse.core.keyed_hashes import Hide
from warehouse.marts.nodes import Node

_SHOWN = 5
_LISTED = 100
_ROWS = "select * from ({}) as found limit {}"
# One row for each breach and example, see tests/generic/as_described.sql.
_BREACHES = """
select * from ({}) as found
order by breach_stops desc, breach_column, breach_rule, breach_value, breach_example
limit {}
"""
_WRONG = {
    "grain": "the key of another row ({column})",
    "required": "no {column}",
    "unique": "a value in {column} that another row has",
    "accepted": "a value in {column} that is not on its list",
    "known_code": "a code without a label in {column}",
    "readable_dates": "a date that clients cannot read, kept in {column}",
}
"""What rows have that do not keep a rule of `as_described`."""

TABLES = ("stg_ledger__build_findings", "data_quality")
"""The models that show what tests found, each after those that it reads."""

_NOTHING = sql.SQL("select * from {} limit 0")
_FILL = sql.SQL("insert into {table} ({columns}) select {columns} from ({query}) as made")
_RECORD = """
insert into ledger.build_findings (
    build_id, place, test_name, model_name, column_name, rule, value, severity, rows, keys
)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
on conflict (build_id, place) do nothing
"""
_OF_BUILD = """
select test_name, model_name, column_name, severity, rows, keys, rule, value
from ledger.build_findings
where build_id = %s
order by place
"""


@dataclass(frozen=True)
class FailedTest:
    """A test of a build that did not pass, or one rule of as_described, and what it found.

    Attributes:
        severity: of a failure nothing is published; a warning is reported.
        keys: of the first rows, in a line each, sensitive values as a keyed hash.
        rule: of the test as_described: what the model's YAML says of the column.
        value: that should not be there, such as the label of an unknown code.
    """

    test: str
    model: str
    column: str | None
    severity: str
    rows: int
    keys: list[str]
    rule: str | None = None
    value: str | None = None

    def __str__(self) -> str:
        """In a line for a person: model, number of rows, and what is wrong in words. `warehouse quality` has keys."""
        return f"{self.model}: {self.rows:,} {'row' if self.rows == 1 else 'rows'} {self._wrong}"

    @property
    def _wrong(self) -> str:
        has, breaks = ("has", "breaks") if self.rows == 1 else ("have", "break")
        column = self.column or "column"
        if self.rule in _WRONG:
            value = f": {self.value}" if self.value is not None else ""
            return f"{has} {_WRONG[self.rule].format(column=column)}{value}"
        if self.test.startswith("relationships_"):
            return f"{has} a value in {column} that leads to no row"
        # The name of a test of ours is the rule that it tests.
        return f"{breaks} the rule: {self.test.removeprefix('dq_').removeprefix(f'{self.model}_').replace('_', ' ')}"

    @property
    def what(self) -> str:
        """What an error says was found, without the place: the number of rows, the rule and the first keys."""
        rule = f"rule {self.rule}" if self.rule else f"test {self.test}"
        value = f", {self.value}" if self.value is not None else ""
        return f"{self.rows:,} rows, {rule}{value}" + (f" ({self.shown})" if self.keys else "")

    @property
    def detail(self) -> str:
        """What an error says of it beside the name of the test: the keys, and of a rule its column first."""
        return f"{self.column}: {self.what}" if self.rule else self.shown

    @property
    def shown(self) -> str:
        """The keys of the first rows, in one line."""
        return "; ".join(self.keys) + ("; …" if len(self.keys) == _SHOWN < self.rows else "")


def look(
    connection: psycopg.Connection, manifest: Any, tests: list[tuple[Any, str, int]], hide: Hide
) -> list[FailedTest]:
    """Look into the candidate for the rows that tests found; failures first.

    Args:
        hide: gives what is shown in the place of a sensitive value.
    """
    found: list[FailedTest] = []
    known = Classes()
    for node, severity, rows in sorted(tests, key=lambda one: one[0].name):
        model = manifest.nodes.get(getattr(node, "attached_node", None) or "")
        name = model.name if model else ", ".join(_names(node.depends_on.nodes)) or node.name
        classes = _classes(model, known)
        if model and _kind(node) == "as_described":
            found += _breaches(connection, node, model, Values(classes, hide), known)
        else:
            keys = [key for row in _rows(connection, node, _ROWS, _SHOWN) if (key := Values(classes, hide).key(row))]
            found.append(FailedTest(node.name, name, getattr(node, "column_name", None), severity, rows, keys))
    return sorted(found, key=lambda one: one.severity)


def record(connection: psycopg.Connection, build_id: int, findings: list[FailedTest]) -> None:
    """Write them into the ledger."""
    for place, one in enumerate(findings, 1):
        said = (one.test, one.model, one.column, one.rule, one.value, one.severity, one.rows, one.keys)
        connection.execute(_RECORD, (build_id, place, *said))


def fill(
    connection: psycopg.Connection, manifest: Any, compiled: Mapping[str, str], made: list[Node], rows: dict[str, int]
) -> None:
    """Fill the candidate's tables of findings again: dbt made them before the last of its tests had run.

    Args:
        compiled: the SQL of each model, by dbt's identifier.
        made: the models and seeds of the build.
        rows: of each table by its published place; gets the new number.
    """
    nodes = {node.name: node for node in manifest.nodes.values() if node.unique_id in compiled}
    for node in (nodes[name] for name in TABLES if name in nodes):
        table = sql.Identifier(node.schema, node.alias)
        names = [column.name for column in connection.execute(_NOTHING.format(table)).description or []]
        query = _FILL.format(
            table=table,
            columns=sql.SQL(", ").join(sql.Identifier(name) for name in names),
            query=sql.SQL(compiled[node.unique_id]),
        )
        with connection.transaction():
            connection.execute(sql.SQL("truncate {}").format(table))
            filled = connection.execute(query)
        rows |= {one.place: filled.rowcount for one in made if (one.candidate, one.name) == (node.schema, node.alias)}


def of(connection: psycopg.Connection, build_id: int) -> list[FailedTest]:
    """What the tests of a build found, from the ledger; failures first."""
    return [FailedTest(*row) for row in connection.execute(_OF_BUILD, (build_id,)).fetchall()]


@dataclass(frozen=True)
class Values:
    """How values of rows are shown.

    Attributes:
        classes: of the columns that may be shown at all: those that identify a row of the model.
    """

    classes: Mapping[str, str]
    hide: Hide

    def key(self, row: Mapping[str, Any]) -> str:
        """The key of a row, in a line; empty where the row has none."""
        shown = {name: self.one(row.get(name), class_) for name, class_ in self.classes.items()}
        return ", ".join(f"{name} {value}" for name, value in sorted(shown.items()) if value is not None)

    def one(self, value: Any, class_: str) -> str | None:
        """A value, or its keyed hash: an error and a log never hold a value that nobody asked about."""
        if value is None or class_ in ("open", "personal"):
            return None if value is None else str(value)
        return self.hide(str(value))


def _kind(node: Any) -> str | None:
    return getattr(getattr(node, "test_metadata", None), "name", None)


def _names(unique_ids: list[str]) -> list[str]:
    return [unique_id.split(".")[2] for unique_id in unique_ids if unique_id.startswith("model.")][:2]


def _breaches(
    connection: psycopg.Connection, node: Any, model: Any, values: Values, known: Classes
) -> Iterator[FailedTest]:
    """Each rule that rows do not keep. The label of an unknown code holds the code alone; other values have a class."""
    rows = _rows(connection, node, _BREACHES, _SHOWN * _LISTED)
    for (name, rule, value), examples in groupby(
        rows, lambda row: (row["breach_column"], row["breach_rule"], row["breach_value"])
    ):
        first = next(examples)
        column = model.columns.get(name)
        class_ = "open" if rule == "known_code" else known.of(model.name, name, column.doc_blocks if column else ())
        yield FailedTest(
            node.name,
            model.name,
            name,
            "failure" if first["breach_stops"] else "warning",
            int(first["breach_rows"]),
            [key for row in (first, *examples) if (key := values.key(row))],
            rule,
            values.one(value, class_) if rule in ("known_code", "accepted") else None,
        )


def _rows(connection: psycopg.Connection, node: Any, query: LiteralString, limit: int) -> list[dict[str, Any]]:
    """The first rows that a test found."""
    compiled = (getattr(node, "compiled_code", None) or "").strip().rstrip(";")
    if node.resource_type != "test" or not compiled:
        return []
    with connection.cursor() as cursor:
        for kind in ("date", "timestamp", "timestamptz"):
            # As text: a test that finds wrong dates finds years that Python does not have.
            cursor.adapters.register_loader(kind, TextLoader)
        try:
            cursor.execute(sql.SQL(query).format(sql.SQL(compiled), sql.Literal(limit)))
        except psycopg.DataError:
            # Counted, the rows did not need a cast that their columns need.
            return []
        names = [column.name for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _classes(model: Any, known: Classes) -> dict[str, str]:
    """The columns that may be shown, with their class: those that identify a row of the model. No other."""
    if model is None:
        return {}
    named = {name: model.columns.get(name) for name in (model.config.meta or {}).get("grain") or []}
    return {name: known.of(model.name, name, one.doc_blocks if one else ()) for name, one in named.items()}
