"""Releasing a column so that the source can change it: PostgreSQL refuses to drop or retype a published one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from psycopg import sql

from warehouse.core.database import one
from warehouse.core.errors import MissingPrivilege, UsageError
from warehouse.replicate.drift import both_sides
from warehouse.replicate.drift.both_sides import Catalogs
from warehouse.replicate.drift.work import Work
from warehouse.replicate.ledger import column_states
from warehouse.replicate.preflight import at_source

_REASON = "released so that the source can change it"
_MAY_ALTER = """
select
    exists (select from pg_publication where pubname = %s and pg_has_role(current_user, pubowner, 'usage'))
    and not exists (
        select from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
        where n.nspname = %s and c.relname = any(%s) and not pg_has_role(current_user, c.relowner, 'usage')
    ),
    current_user
"""


def release(work: Work, names: Iterable[str]) -> None:
    """Take columns out of the publication until the next `warehouse replicate apply` that a person calls.

    Args:
        names: each `table.column`.

    Raises:
        UsageError: one of them is no replicated column, or is part of the key.
        MissingPrivilege: the publication or a table is not this user's; says what its owner has to run.
        DriftHeld: another session holds a lock at the source. `work.done` has what was released before.
    """
    now = both_sides.read(work.source, work.warehouse, work.name, work.schema)
    wanted: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        table, _, column = name.partition(".")
        _check(work, now, name, table, column)
        wanted.setdefault(table, []).append(column)
    sends = now.sends
    sent = {table: [c for c in of if c in sends.get(table, ())] for table, of in wanted.items()}
    _require_rights(work, now, {table: of for table, of in sent.items() if of})
    for table, columns in wanted.items():
        # First the state: if this is interrupted, the next run does not publish again what it finds missing.
        before = {column: now.states.get((table, column)) for column in columns}
        for column in columns:
            column_states.put(work.warehouse, table, column, "released", _REASON)
        if sent[table]:
            try:
                work.publish(table, sorted(sends[table] - set(columns)))
            except Exception:
                for column, state in before.items():
                    column_states.put_back(work.warehouse, table, column, state)
                raise
        for column in columns:
            column_states.changed(work.warehouse, "released", table, column, _REASON)
            work.done.append(f"{table}.{column}: out of the publication; the source can drop or change it now")


def _check(work: Work, now: Catalogs, name: str, table: str, column: str) -> None:
    """Raises: UsageError."""
    in_key = table in now.identities and column in now.identities[table].columns
    is_wanted = column in work.classification.columns_of(table) and table in now.replica
    is_there = column in now.source.get(table, {}) and column in (now.replica[table].columns if is_wanted else ())
    if in_key or not is_there:
        raise UsageError(
            f"{name} cannot be released: " + ("it is part of the key." if in_key else "it is not published."),
            meaning="Nothing was changed.",
            next_command="Name a column as table.column; a key is changed with the whole table left behind in "
            "replication/trs.yml.",
        )


def _require_rights(work: Work, now: Catalogs, wanted: Mapping[str, list[str]]) -> None:
    """Whether this user may alter the publication; asked before anything is changed.

    Raises:
        MissingPrivilege: it may not.
    """
    may_alter, user = one(work.source, _MAY_ALTER, (work.name, work.schema, list(wanted)))
    if may_alter or not wanted:
        return
    if at_source.may_release(work.source, work.name) is not None:
        calls = [at_source.release_call(work.name, work.schema, table, columns) for table, columns in wanted.items()]
        next_command = "At the source, as who migrates it: {}. The next run sees it by itself."
    else:
        calls = [_statements(work, now, table, columns) for table, columns in wanted.items()]
        names = " ".join(f"--release {table}.{column}" for table, of in wanted.items() for column in of)
        next_command = "At the source, as their owner: begin; {} commit; then again: warehouse replicate apply " + names
    raise MissingPrivilege(
        f"The user {user} owns neither the publication {work.name} nor the tables that it names, or not all of them.",
        meaning="PostgreSQL lets only their owner alter it. Nothing was changed.",
        next_command=next_command.format(" ".join(call.as_string(work.source) + ";" for call in calls)),
    )


def _statements(work: Work, now: Catalogs, table: str, columns: list[str]) -> sql.Composed:
    sent = now.sends.get(table, frozenset())
    return sql.SQL(
        "alter publication {name} drop table {table}; alter publication {name} add table {table} ({rest})"
    ).format(
        name=sql.Identifier(work.name),
        table=sql.Identifier(work.schema, table),
        rest=sql.SQL(", ").join(map(sql.Identifier, sorted(sent - set(columns)))),
    )
