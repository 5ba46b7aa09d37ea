"""What the tests of a build found: which test of which model, how many rows, and the keys of the first of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.string import TextLoader

from warehouse.core.classes import Classes
from warehouse.core.keyed_hashes import Hide

_SHOWN = 5
_ROWS = "select * from ({}) as found limit {}"
_CODES = """
select distinct on (unknown_code) unknown_code, count(*) over (partition by unknown_code) as row_count, found.*
from ({}) as found
order by unknown_code
limit {}
"""
_RECORD = """
insert into ledger.build_findings (build_id, test_name, model_name, column_name, severity, rows, found)
values (%s, %s, %s, %s, %s, %s, %s)
on conflict (build_id, test_name) do nothing
"""
_OF_BUILD = """
select test_name, model_name, column_name, severity, rows, found
from ledger.build_findings
where build_id = %s
order by severity, test_name
"""


@dataclass(frozen=True)
class FailedTest:
    """A test of a build that did not pass, and what it found.

    Attributes:
        severity: of a failure nothing is published; a warning is reported.
        found: of the first rows, keys and codes only, sensitive ones as a keyed hash.
    """

    test: str
    model: str
    column: str | None
    severity: str
    rows: int
    found: list[dict[str, Any]]

    def __str__(self) -> str:
        subject = f"{self.model}.{self.column}" if self.column else self.model
        return f"{subject}: {self.rows:,} rows, test {self.test}" + (f" ({self.keys})" if self.keys else "")

    @property
    def keys(self) -> str:
        """The keys of the first rows, in one line."""
        first = {"unknown_code": 0, "row_count": 1}
        rows = [sorted(row.items(), key=lambda item: (first.get(item[0], 2), item[0])) for row in self.found if row]
        shown = "; ".join(", ".join(f"{key} {value}" for key, value in row) for row in rows)
        return shown + ("; …" if shown and self.rows > len(self.found) == _SHOWN else "")


def look(
    connection: psycopg.Connection, manifest: Any, tests: list[tuple[Any, str, int]], hide: Hide
) -> list[FailedTest]:
    """Look into the candidate for the rows that tests found; failures first.

    Args:
        hide: gives what is shown in the place of a sensitive value.
    """
    found = []
    known = Classes()
    for node, severity, rows in sorted(tests, key=lambda one: (one[1], one[0].name)):
        model = manifest.nodes.get(getattr(node, "attached_node", None) or "")
        name = model.name if model else ", ".join(_names(node.depends_on.nodes)) or node.name
        shown = _rows(connection, node, _classes(model, known), hide)
        found.append(FailedTest(node.name, name, getattr(node, "column_name", None), severity, rows, shown))
    return found


def record(connection: psycopg.Connection, build_id: int, findings: list[FailedTest]) -> None:
    """Write them into the ledger."""
    for one in findings:
        connection.execute(
            _RECORD, (build_id, one.test, one.model, one.column, one.severity, one.rows, json.dumps(one.found))
        )


def of(connection: psycopg.Connection, build_id: int) -> list[FailedTest]:
    """What the tests of a build found, from the ledger; failures first."""
    rows = connection.execute(_OF_BUILD, (build_id,)).fetchall()
    return [FailedTest(*row) for row in rows]


def _names(unique_ids: list[str]) -> list[str]:
    return [unique_id.split(".")[2] for unique_id in unique_ids if unique_id.startswith("model.")][:2]


def _rows(connection: psycopg.Connection, node: Any, classes: dict[str, str], hide: Hide) -> list[dict[str, Any]]:
    """The first rows that a test found, with the columns that may be shown.

    Those are the columns that identify a row of the model, an unknown code, and a number of rows. No other: an error
    and a log never hold a value that nobody asked about.
    """
    query = (getattr(node, "compiled_code", None) or "").strip().rstrip(";")
    if node.resource_type != "test" or not query:
        return []
    # Of unknown codes one row for each, and how many have it.
    codes = _CODES if getattr(getattr(node, "test_metadata", None), "name", None) == "known_code" else _ROWS
    with connection.cursor() as cursor:
        for kind in ("date", "timestamp", "timestamptz"):
            # As text: a test that finds wrong dates finds years that Python does not have.
            cursor.adapters.register_loader(kind, TextLoader)
        try:
            cursor.execute(sql.SQL(codes).format(sql.SQL(query), sql.Literal(_SHOWN)))
        except psycopg.DataError:
            # Counted, the rows did not need a cast that their columns need.
            return []
        names = [column.name for column in cursor.description or []]
        return [_shown(dict(zip(names, row, strict=True)), classes, hide) for row in cursor.fetchall()]


def _classes(model: Any, known: Classes) -> dict[str, str]:
    """The columns that may be shown, with their class."""
    shown = {"unknown_code": "open", "row_count": "open"}
    if model is None:
        return shown
    for name in (model.config.meta or {}).get("grain") or []:
        column = model.columns.get(name)
        shown[name] = known.of(model.name, name, column.doc_blocks if column else ())
    return shown


def _shown(row: dict[str, Any], classes: dict[str, str], hide: Hide) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, class_ in classes.items():
        value = row.get(name)
        if value is None:
            continue
        if class_ in ("open", "personal"):
            shown[name] = value if isinstance(value, int) else str(value)
        else:
            shown[name] = hide(str(value))
    return shown
