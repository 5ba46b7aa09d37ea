"""Builds without dbt: the candidates are made by hand and published as a build publishes them."""

from __future__ import annotations

import json
from datetime import date

import psycopg

from tests.python.lineages import keep_constants
from warehouse.core.databases import Databases
from warehouse.core.progress import Silent
from warehouse.marts import candidate
from warehouse.marts.nodes import Node, refuse_what_is_in_the_way
from warehouse.marts.publish import publish

Classes = dict[str, dict[str, str]]
TODAY = date(2026, 10, 1)


def make(databases: Databases, as_at: date = TODAY, classes: Classes | None = None, /, **models: str) -> int:
    """Build models, each given as its query, and publish them.

    Args:
        as_at: the business date.
        classes: of the columns of some models, by the models' names; what is left out is sensitive.
        models: `marts__dim_one="select …"` is a table, `staging__stg_one="view: select …"` a view. A query names other
            models as `{marts}.dim_one`.
    """
    nodes, statements = [], []
    for place, query in models.items():
        schema, _, name = place.partition("__")
        kind = "view" if query.startswith("view: ") else "table"
        of_columns = (classes or {}).get(name, {})
        nodes.append(Node(candidate.PREFIX + schema, name, kind, of_columns))  # type: ignore[arg-type]
        prefixed = {n: candidate.PREFIX + n for n in ("seeds", "staging", "marts", "extracts")}
        body = query.removeprefix("view: ").format(**prefixed)
        statements.append(f"create {kind} {candidate.PREFIX}{schema}.{name} as {body}")
    with databases.warehouse() as connection, databases.warehouse() as reader:
        refuse_what_is_in_the_way(connection, nodes)
        candidate.drop_all(connection)
        candidate.make(connection, {node.candidate for node in nodes})
        for statement in statements:
            connection.execute(statement.encode())
        row = connection.execute(
            "insert into ledger.builds (as_at, project_sha256) values (%s, '') returning build_id", (as_at,)
        ).fetchone()
        assert row is not None
        publish(connection, reader, row[0], nodes, Silent(), databases.settings)
        keep_constants(connection, row[0])
        candidate.drop_all(connection)
    return int(row[0])


def keep_vintage(databases: Databases, name: str, table: str, query: str) -> None:
    """A vintage of one mart, made without dbt as `warehouse build` makes it."""
    schema = f"{name}_marts"
    with databases.warehouse() as connection:
        candidate.make(connection, [schema], "vintage")
        connection.execute(f"create table {schema}.{table} as {query}".encode())
        connection.execute(
            "insert into ledger.builds (as_at, project_sha256, state, vintage, known_at, made)"
            " values (%s, '', 'kept', %s, now(), %s)",
            (TODAY, name, json.dumps({f"{schema}.{table}": []})),
        )


def labels(connection: psycopg.Connection) -> list[str]:
    return [row[0] for row in connection.execute("select label from marts.dim_one order by 1").fetchall()]
