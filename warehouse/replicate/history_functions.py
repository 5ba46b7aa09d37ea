"""History as functions, for whoever writes no dbt: `as_known_at.<table>(moment)` and `as_at.<table>(day, known_at)`.

Their text is the macros' own (macros/history), so that SQL and dbt give one answer. They run with the rights of whoever
calls them: only those who may read `versions` get anything from them, or may use their schemas.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any, Final

import jinja2
import psycopg
from psycopg import sql

from warehouse.core import ours
from warehouse.core.fast_yaml import safe_load
from warehouse.core.settings import PROJECT
from warehouse.replicate.catalog.names import AS_AT, AS_KNOWN_AT, VERSIONS

_MACROS: Final = ("cross_db/*.sql", "history/*.sql")
_IS_KEPT = "is_kept"
"""The function by which a question about a time without history fails."""

_KEPT = """
create or replace function {function}(of_table text, moment timestamptz) returns boolean
language plpgsql stable as $body$
declare
    begins timestamptz := (select min(t.committed_at) from ledger.transactions as t where t.kind = 'copy');
    kept_from timestamptz := (
        select max(d.ended_before) from ledger.dropped_history as d where d.table_name = of_table
    );
begin
    if begins is null or moment < begins then
        raise exception 'At % the warehouse knew nothing: history begins with the first copy, at %.', moment, begins
            using errcode = '22008';
    end if;
    if moment < kept_from then
        raise exception 'Versions of % that were known at % were dropped by the retention rule: all are kept from %.',
            of_table, moment, kept_from using errcode = '22008';
    end if;
    return true;
end $body$
"""
_IS_PREPARED = "select to_regproc(%s) is not null"
_DROP = "drop function if exists {function}({arguments})"
_KNOWN = """
create function {function}(moment timestamptz) returns table ({columns}) language sql stable as {body}
"""
_TRUE = """
create function {function}(day date, known_at timestamptz default 'infinity') returns table ({columns})
language sql stable as {body}
"""
_ANSWER = "select * from ({query}) as answer where {kept}({table}, {moment})"
_COLUMNS = """
select a.attname::text, format_type(a.atttypid, a.atttypmod)
from pg_attribute as a
where a.attrelid = to_regclass(format('%%I.%%I', %s::text, %s::text)) and a.attnum > 0 and not a.attisdropped
order by a.attnum
"""
_ADDED: Final = (("is_found_in_gap", "boolean"), ("is_uncertain", "boolean"))
"""What the macros' answers have after the columns of a version."""


def prepare(connection: psycopg.Connection) -> None:
    """Make what the functions of all tables share: before the tables are copied, several at once."""
    for schema in (AS_KNOWN_AT, AS_AT):
        ours.make_schema(connection, schema)
    is_kept = sql.Identifier(AS_KNOWN_AT, _IS_KEPT)
    connection.execute(sql.SQL(_KEPT).format(function=is_kept))
    _open(connection, is_kept, "text, timestamptz")


def create(connection: psycopg.Connection, table: str) -> None:
    """Make or renew the functions of a table, of which `versions.<table>` is there.

    A function that something of somebody else rests on stays as it was.
    """
    if connection.execute(_IS_PREPARED, (f"{AS_KNOWN_AT}.{_IS_KEPT}",)).fetchone() != (True,):
        prepare(connection)
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind))
        for name, kind in [*connection.execute(_COLUMNS, (VERSIONS, table)).fetchall(), *_ADDED]
    )
    relation = sql.Identifier(VERSIONS, table).as_string(None)
    known = _answer(_macros().versions_known_at(relation, "$1"), table, "$1")
    _make(connection, AS_KNOWN_AT, table, "timestamptz", _KNOWN, columns, known)
    if table in _rules():
        true = _answer(as_at_query(relation, table, "$1", "$2"), table, "$2")
        _make(connection, AS_AT, table, "date, timestamptz", _TRUE, columns, true)


def as_at_query(relation: str, table: str, day: str, known_at: str) -> str:
    """What was true on a day, as the macro asks a relation with the columns of a table's versions; all of it SQL."""
    return str(_macros().versions_as_at(relation, _rules()[table], day, known_at))


def _answer(query: str, table: str, moment: str) -> str:
    """The macro's query, which is only asked where the history of the moment is kept."""
    text = re.sub(r"\s*\n\s*", "\n", query)
    parts = {"query": sql.SQL(text), "table": sql.Literal(table), "moment": sql.SQL(moment)}
    return sql.SQL(_ANSWER).format(kept=sql.Identifier(AS_KNOWN_AT, _IS_KEPT), **parts).as_string(None)


def _make(
    connection: psycopg.Connection,
    schema: str,
    table: str,
    arguments: str,
    statement: str,
    columns: sql.Composed,
    body: str,
) -> None:
    function = sql.Identifier(schema, table)
    try:
        with connection.transaction():
            connection.execute(sql.SQL(_DROP).format(function=function, arguments=sql.SQL(arguments)))
            connection.execute(sql.SQL(statement).format(function=function, columns=columns, body=sql.Literal(body)))
            _open(connection, function, arguments)
    except psycopg.errors.DependentObjectsStillExist:
        return


def _open(connection: psycopg.Connection, function: sql.Identifier, arguments: str) -> None:
    """Everybody may call it: who may use its schema and read the versions, is decided elsewhere."""
    connection.execute(sql.SQL("grant execute on function {}({}) to public").format(function, sql.SQL(arguments)))


@cache
def _macros() -> Any:
    """The macros of history as PostgreSQL has them, without dbt."""
    files = sorted(file for pattern in _MACROS for file in (PROJECT / "macros").glob(pattern))
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    environment = jinja2.Environment(extensions=["jinja2.ext.do"], autoescape=False)  # noqa: S701 - SQL, not HTML
    found: dict[str, ModuleType] = {}
    environment.globals["adapter"] = SimpleNamespace(dispatch=lambda name: _dispatched(found["module"], name))
    found["module"] = environment.from_string(text).module  # type: ignore[assignment]
    return found["module"]


def _dispatched(module: Any, name: str) -> Any:
    return getattr(module, f"postgres__{name}", None) or getattr(module, f"default__{name}")


@cache
def _rules() -> Mapping[str, Mapping[str, Any]]:
    rules: Mapping[str, Mapping[str, Any]] = safe_load(str(_macros().as_at_rules()))
    return rules


def drop(connection: psycopg.Connection, tables: Sequence[str]) -> None:
    """Drop the functions of tables that are no longer replicated."""
    for table in tables:
        for schema, arguments in ((AS_KNOWN_AT, "timestamptz"), (AS_AT, "date, timestamptz")):
            function = sql.Identifier(schema, table)
            connection.execute(sql.SQL(_DROP).format(function=function, arguments=sql.SQL(arguments)))
