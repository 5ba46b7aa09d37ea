"""The trigger that leaves unlisted keys out of what the stream brings, before history can see them."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
from psycopg import sql

from warehouse.core.json_rule import JsonRule
from warehouse.replicate.catalog.names import HISTORY, LISTED_KEYS
from warehouse.replicate.json_keys.expression import kept, of_row

_FUNCTION = "create or replace function {function}() returns trigger language plpgsql as {body}"

# First of all: triggers of one kind go by name, and history must never see what stays at the source.
_TRIGGER = """
create or replace trigger {trigger} before insert or update on {table} for each row execute function {function}()
"""

# In variables a long value is unpacked once, and the row's tree is found by an expression that needs no plan.
_BODY = """
declare
    _v0 jsonb;
    _r0 jsonb;
begin{}
    return new;
end """

_ASSIGNMENT = """
    _v0 := jsonb_strip_nulls({column});
    _r0 := {tree};
    {column} := {kept};"""

_ALWAYS = "alter table {table} enable always trigger {trigger}"
"""Ordinary triggers do not fire for replicated changes."""


def function_of(table: str) -> str:
    """The name of a table's function, in the schema of the history."""
    return f"{table}_listed_keys"


def leave_unlisted_out(connection: psycopg.Connection, schema: str, table: str, rules: Mapping[str, JsonRule]) -> None:
    """Make the trigger of a table with such rules, and its function, whatever is there under their names."""
    if not rules:
        return
    parts = {
        "function": sql.Identifier(HISTORY, function_of(table)),
        "body": sql.Literal(body(rules)),
        "trigger": sql.Identifier(LISTED_KEYS),
        "table": sql.Identifier(schema, table),
    }
    for statement in (_FUNCTION, _TRIGGER, _ALWAYS):
        connection.execute(sql.SQL(statement).format(**parts))


def body(rules: Mapping[str, JsonRule]) -> str:
    """The text of the function, as PostgreSQL stores it."""
    assignments = [
        _ASSIGNMENT.format(
            column=sql.Identifier("new", column).as_string(None),
            tree=of_row(rule, prefix="new"),
            kept=kept(rule, "_v0", "_r0"),
        )
        for column, rule in rules.items()
    ]
    return _BODY.format("".join(assignments))
