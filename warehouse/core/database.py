"""Connections to PostgreSQL, and what their failures mean to a person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg import sql
from psycopg.abc import Params
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import class_row

from warehouse.core import names_in_statements, server_proof, session, transport
from warehouse.core.errors import DatabaseUnreachable, PooledConnection, SettingsError, UnsafeConnection

CONNECT_SECONDS = 10

Statement = LiteralString | bytes | sql.SQL | sql.Composed

_Row = TypeVar("_Row")


def describe(conninfo: str) -> str:
    """Where a connection string points, without its password: `host:port/database as user`."""
    parts = conninfo_to_dict(conninfo)
    host, port = parts.get("host") or parts.get("hostaddr") or "localhost", parts.get("port") or "5432"
    return f"{host}:{port}/{parts.get('dbname') or ''} as {parts.get('user') or 'the default user'}"


def connect(
    conninfo: str, *, what: str, variable: str, autocommit: bool = True, read_only: bool = False
) -> psycopg.Connection:
    """Open a connection whose session is as warehouse/core/session.py says, whatever the role and the shell have set.

    Args:
        conninfo: a URL or a libpq connection string.
        what: the database's name in a sentence, such as "the warehouse".
        variable: the setting that a person would correct.
        read_only: whether the server refuses every write outside of `writing()`.

    Raises:
        SettingsError: the connection string does not parse.
        DatabaseUnreachable: nobody answers there, or the server says no.
        UnsafeConnection: the server has no TLS, or its certificate does not hold.
        PooledConnection: a pooler answers there.
    """
    try:
        full = make_conninfo(
            conninfo, connect_timeout=CONNECT_SECONDS, application_name="warehouse", client_encoding="UTF8"
        )
    except psycopg.ProgrammingError:
        raise SettingsError(
            f"{variable} is not a connection string that PostgreSQL understands.",
            meaning=f"No connection to {what} was tried.",
            next_command=f"Write it as postgresql://user:password@host:5432/database in {variable}, then run again.",
        ) from None
    try:
        session.forget_shell_variables()
        connection = psycopg.connect(full, autocommit=True, cursor_factory=names_in_statements.Cursor)
        _refuse_pooler(connection, what=what, variable=variable)
        session.prepare(connection, read_only=read_only)
        connection.autocommit = autocommit
        return connection
    except psycopg.OperationalError as error:
        if "unsupported startup parameter" in str(error):
            raise _pooled(what, variable) from None
        raise unreachable(error, conninfo, what=what, variable=variable) from None


def _refuse_pooler(connection: psycopg.Connection, *, what: str, variable: str) -> None:
    """Whether the server process that greeted us is the one that answers: with a pooler between, it is not.

    Raises:
        PooledConnection: it is another one, and with the next statement it may be yet another.
    """
    if one(connection, "select pg_catalog.pg_backend_pid()")[0] != connection.info.backend_pid:
        connection.close()
        raise _pooled(what, variable)


def _pooled(what: str, variable: str) -> PooledConnection:
    return PooledConnection(
        f"Between this program and {what} is a connection pooler, such as pgbouncer.",
        meaning="It may hand each statement to another session: settings, locks, cursors and snapshots would be lost "
        "in silence, and it passes on no replication. Nothing was read or changed.",
        next_command=f"Write the address of the server itself into {variable} (its own port is mostly 5432, a "
        "pooler's 6432), then run again.",
    )


def one(connection: psycopg.Connection, query: Statement, values: Params | None = None) -> tuple[Any, ...]:
    """The row of a query that always has one, such as a count or an insert that returns its key."""
    row = connection.execute(query, values).fetchone()
    assert row is not None
    return row


def one_as(connection: psycopg.Connection, kind: type[_Row], query: Statement, values: Params | None = None) -> _Row:
    """The same as an object whose fields have the columns' names."""
    with connection.cursor(row_factory=class_row(kind)) as cursor:
        row = cursor.execute(query, values).fetchone()
    assert row is not None
    return row


def qualified(schema: str, name: str) -> str:
    """The name of a relation as to_regclass() takes it, quoted where it has to be."""
    return sql.Identifier(schema, name).as_string()


def grant(
    connection: psycopg.Connection,
    relation: sql.Identifier,
    role: str | None,
    privilege: str,
    *,
    column: str | None,
    may_grant: bool,
) -> None:
    """Give a right on a relation or one of its columns; to everybody when there is no role."""
    connection.execute(
        sql.SQL("grant {}{} on {} to {}{}").format(
            sql.SQL(privilege),
            sql.SQL(" ({})").format(sql.Identifier(column)) if column else sql.SQL(""),
            relation,
            sql.Identifier(role) if role else sql.SQL("public"),
            sql.SQL(" with grant option" if may_grant else ""),
        )
    )


@contextmanager
def writing(connection: psycopg.Connection) -> Iterator[None]:
    """Let a read-only session write inside the block. Only for what is ours at the source."""
    before = one(connection, "show default_transaction_read_only")[0]
    connection.execute("set default_transaction_read_only = off")
    try:
        yield
    finally:
        if before == "on" and not connection.closed and not connection.broken:
            connection.execute("set default_transaction_read_only = on")


def unreachable(
    error: psycopg.OperationalError, conninfo: str, *, what: str, variable: str
) -> DatabaseUnreachable | UnsafeConnection:
    """A connection failure in words. The server's reason is kept; it names users and databases, never passwords."""
    lines = str(error).strip().splitlines() or ["no reason was given"]
    reason = next((line for line in reversed(lines) if "failed: " in line), lines[-1])
    if server_proof.UNPROVEN in reason:
        return DatabaseUnreachable(
            f"Whoever answers at {describe(conninfo)} does not prove to be {what}: "
            f"{reason.rsplit(server_proof.UNPROVEN, maxsplit=1)[-1].strip()}.",
            meaning="It may be another account's program at that port. It got no password, and nothing was read or "
            "changed.",
            next_command=server_proof.remedy(variable),
        )
    reason = reason.rsplit("failed: ", maxsplit=1)[-1].removeprefix("FATAL:").strip()
    if unsafe := transport.refused(reason, conninfo, where=describe(conninfo), what=what, variable=variable):
        return unsafe
    return DatabaseUnreachable(
        f"No connection to {what} at {describe(conninfo)}: {reason}.",
        meaning="Nothing was read or changed. What was delivered and built before stays as it is.",
        next_command=f"Check {variable} and that the server is up (`warehouse doctor` tests both), then run again.",
    )


def second_session(
    connection: psycopg.Connection, *, user: str | None = None, password: str | None = None
) -> psycopg.Connection:
    """Another session on the same server and database, in autocommit: of the same user, or of another one."""
    used = {option.keyword.decode(): option.val.decode() for option in connection.pgconn.info if option.val is not None}
    # Of several hosts the one that answered; a password may come from a file.
    used |= {"host": connection.info.host, "port": str(connection.info.port), "password": connection.info.password}
    used |= {"user": user, "password": password or ""} if user else {}
    if "hostaddr" in used:
        used["hostaddr"] = connection.info.hostaddr
    again = psycopg.connect(
        make_conninfo("", **{name: value for name, value in used.items() if value}), autocommit=True
    )
    session.prepare(again)
    return again
