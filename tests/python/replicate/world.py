"""Rows of the operational database for the replication tests, and how two databases' content is compared."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql

from warehouse.replicate import load_classification
from warehouse.replicate.json_keys.expression import listed_keys

PERSON = {
    "status": 0,
    "first_name": "Ada",
    "middle_name": "",
    "last_name": "Smith",
    "induction_status": 0,
    "induction_status_without_exemption": 0,
    "induction_exemption_reason_ids": [],
    "induction_exempt_without_reason": False,
    "qtls_status": 0,
    "has_eyps": False,
    "allow_details_updates_from_source_application": False,
    "dqt_allow_teacher_identity_sign_in_with_prohibitions": False,
}


def insert(connection: psycopg.Connection, table: str, values: dict[str, Any]) -> None:
    """Insert one row, the columns as given; into the replica without those that stay behind at the source."""
    there = {
        row[0]
        for row in connection.execute(
            "select attname from pg_attribute where attrelid = to_regclass(quote_ident(%s)) and attnum > 0", (table,)
        )
    }
    behind = values.keys() - set(load_classification().published.get(table, ()))
    values = {name: value for name, value in values.items() if name in there or name not in behind}
    connection.execute(
        sql.SQL("insert into {} ({}) values ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(sql.Placeholder() for _ in values),
        ),
        list(values.values()),
    )


def rows_digest(connection: psycopg.Connection, table: str) -> tuple[int, str]:
    """The number of rows of a table and a digest of what is replicated of them, whatever their order."""
    classification = load_classification()
    columns, rules = classification.published[table], classification.json_rules(table)
    kept = [listed_keys(name, rules[name]) if name in rules else sql.Identifier(name) for name in columns]
    row = connection.execute(
        sql.SQL(
            "select count(*), md5(coalesce(string_agg(x::text, '|' order by x::text collate \"C\"), ''))"
            " from (select {} from {}) as x"
        ).format(sql.SQL(", ").join(kept), sql.Identifier("public", table))
    ).fetchone()
    assert row is not None
    return int(row[0]), str(row[1])
