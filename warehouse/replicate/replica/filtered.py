"""The filter of a table, made as replication/trs.yml says now, and recorded: by which rule values come in from now on.

What is recorded tells a rule that changed from a filter that somebody altered by hand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import psycopg
from psycopg import sql

from warehouse.replicate.catalog.names import HISTORY, LISTED_KEYS
from warehouse.replicate.catalog.relations import columns_of
from warehouse.replicate.classification import Classification
from warehouse.replicate.json_keys import filter as key_filter
from warehouse.replicate.ledger import rules
from warehouse.replicate.rule_lines import cut

_BODY = "select prosrc from pg_proc where oid = to_regprocedure(%s)"

_NOTE = """
insert into ledger.apparatus (name, definition_sha256, server_version) values (%s, %s, 0)
on conflict (name) do update set definition_sha256 = excluded.definition_sha256
"""

_FORGET = "delete from ledger.apparatus where name = %s"

_MADE = "select name, definition_sha256 from ledger.apparatus where name = any(%s) and server_version = 0"

_DROP = "drop trigger if exists {trigger} on {table}; drop function if exists {function}()"


def filter_values(connection: psycopg.Connection, classification: Classification, table: str) -> None:
    """Make the trigger that cuts out of a replicated row what the file does not allow; drop it where all is allowed."""
    schema, of_keys, name = classification.schema_name, classification.json_rules(table), _name(table)
    if of_keys:
        key_filter.leave_unlisted_out(connection, schema, table, of_keys)
        row = connection.execute(_BODY, (_function(table).as_string(connection) + "()",)).fetchone()
        assert row is not None
        connection.execute(_NOTE, (name, digest(row[0])))
    else:
        take_away(connection, schema, table)
        connection.execute(_FORGET, (name,))
    there = columns_of(connection, schema, table)
    by_column = {column: of for column, of in cut(classification, table).items() if column in there}
    rules.made(connection, table, by_column)


def take_away(connection: psycopg.Connection, schema: str, table: str) -> None:
    """Drop the trigger and its function, if they are there."""
    names = {"trigger": sql.Identifier(LISTED_KEYS), "function": _function(table)}
    connection.execute(sql.SQL(_DROP).format(**names, table=sql.Identifier(schema, table)))


def made(connection: psycopg.Connection, tables: Iterable[str]) -> dict[str, bytes]:
    """The tables that have a filter of ours, each with the digest of the function that was made last."""
    names = {_name(table): table for table in tables}
    return {names[name]: bytes(found) for name, found in connection.execute(_MADE, (list(names),)).fetchall()}


def digest(body: str) -> bytes:
    """The digest of a function's text."""
    return hashlib.sha256(body.encode()).digest()


def _name(table: str) -> str:
    return f"{HISTORY}.{key_filter.function_of(table)}"


def _function(table: str) -> sql.Identifier:
    return sql.Identifier(HISTORY, key_filter.function_of(table))
