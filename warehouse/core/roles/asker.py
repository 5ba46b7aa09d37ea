"""Whoever could take more rights asks through a login that has a reader's alone.

`set role` binds nobody: a function that the statement calls can take the session's own rights again. A session of a
login that has no more than the role has none to take.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, Literal

import psycopg
from psycopg import sql

from warehouse.core.database import one, second_session, writing
from warehouse.core.errors import NoReadersLogin
from warehouse.core.names_in_statements import Cursor
from warehouse.core.roles import short_lived
from warehouse.core.roles.names import READERS, role_name
from warehouse.core.settings import Settings

_COULD_BE = """
select exists (select from pg_roles as r where r.rolsuper and pg_has_role(session_user, r.oid, 'member')),
    (select pg_has_role(session_user, d.datdba, 'member') from pg_database as d where d.datname = current_database()),
    session_user::text, current_database()::text, exists (select from pg_roles as r where r.rolname = %s)
"""
_UNTIL = "select (now() + interval '10 minutes')::text"
"""How long its password is taken: for as long as it takes to log in once."""
_MARK = "a login of `warehouse sql` for one question; it can be dropped"
_LEFT = """
select r.rolname from pg_roles as r
where starts_with(r.rolname, %s) and r.rolvaliduntil < now() and shobj_description(r.oid, 'pg_authid') = %s
    and not exists (select from pg_stat_activity as a where a.usesysid = r.oid)
"""
"""Those of commands that were killed. Nobody knows their passwords."""

ALL_DATA: Final = "pg_read_all_data"
"""PostgreSQL's own role of a reader: at the source, and before the warehouse has its roles."""


@contextmanager
def asking(
    connection: psycopg.Connection,
    settings: Settings,
    side: Literal["source", "warehouse"] = "warehouse",
    *,
    may_make: bool = True,
) -> Iterator[psycopg.Connection]:
    """A session for a person's own statements: of a reader's login where this one could take more rights.

    That is where it is a superuser's or that of the warehouse's owner, or could become one. Anybody else asks as they
    are.

    Args:
        may_make: whether a login may be made on that server; none is at an operational database on a server.

    Raises:
        NoReadersLogin: none can be made, the server does not admit it, or it could become a superuser, too. Nothing
            was asked.
    """
    reader = role_name(settings, READERS[-1])
    superuser, owner, user, database, is_there = one(connection, _COULD_BE, (reader,))
    has_roles = is_there and side == "warehouse"
    if not superuser and not (owner and has_roles):
        yield connection
        return
    if not may_make:
        raise _at_the_source(user)
    group = reader if has_roles else ALL_DATA
    name, password = _made(connection, f"{settings.warehouse_role_prefix}asks_", group, user)
    try:
        try:
            session = second_session(connection, user=name, password=password)
        except psycopg.OperationalError as error:
            raise _not_admitted(error, user, group, database) from None
        with session:
            session.cursor_factory = Cursor
            session.execute("select set_config('lock_timeout', %s, false)", one(connection, "show lock_timeout"))
            if one(session, _COULD_BE, (reader,))[0]:
                raise _could_be_more(group)
            yield session
    finally:
        if not connection.closed and not connection.broken:
            with writing(connection):
                short_lived.drop(connection, name)


def _made(connection: psycopg.Connection, prefix: str, group: str, user: str) -> tuple[str, str]:
    """Make the login, and drop those that are left of killed commands."""
    name, password = f"{prefix}{secrets.token_hex(8)}", secrets.token_urlsafe(24)
    try:
        with writing(connection):
            for (left,) in connection.execute(_LEFT, (prefix, _MARK)).fetchall():
                # Another command may do the same at this moment, and somebody else's may only be dropped by them.
                with suppress(psycopg.Error):
                    short_lived.drop(connection, left)
            with connection.transaction():
                short_lived.make(connection, name, group, password, until=one(connection, _UNTIL)[0])
                mark = sql.SQL("comment on role {} is {}").format(sql.Identifier(name), sql.Literal(_MARK))
                connection.execute(mark)
    except psycopg.errors.ReadOnlySqlTransaction:
        raise _refused(user, f"{connection.info.host} is a standby, where no login can be made", _OWN) from None
    except psycopg.errors.InsufficientPrivilege:
        may = f"alter role {user} createrole; grant {group} to {user} with admin option"
        may = f"Or, as the server's administrator: {may}"
        raise _refused(user, f"{user} may not make logins with the role {group}", f"{_OWN} {may}") from None
    return name, password


_OWN = (
    "Ask with a login of your own, which has no more than its role: as the owner, warehouse grants login NAME --role "
    "analyst_sensitive; then put its address into WAREHOUSE_DATABASE_URL."
)


def _not_admitted(error: psycopg.OperationalError, user: str, group: str, database: str) -> NoReadersLogin:
    lines = str(error).strip().splitlines() or ["no reason was given"]
    reason = lines[-1].rsplit("failed: ", maxsplit=1)[-1].removeprefix("FATAL:").strip()
    line = f"host {database} +{group} ADDRESS scram-sha-256"
    return _refused(
        user,
        f"the server does not admit the login that was made ({reason})",
        f"{_OWN} Or have the server admit whoever has {group}, with this line in pg_hba.conf (hostssl where it is "
        f"another machine) and a reload: {line}",
    )


def _could_be_more(group: str) -> NoReadersLogin:
    return NoReadersLogin(
        f"A login with the role {group} could become a superuser on this server.",
        meaning="A question would not be asked with a reader's rights. Nothing was asked.",
        next_command=f"warehouse grants check. Then take away from {group} what makes it one (revoke … from {group}; "
        f"alter role {group} nosuperuser).",
    )


def _at_the_source(user: str) -> NoReadersLogin:
    return _refused(
        user,
        "no login is made at an operational database on a server",
        "Write a role that reads alone into TRS_DATABASE_URL (warehouse replicate sql --role NAME prints it), then ask "
        "again; or ask the warehouse: without --source.",
    )


def _refused(user: str, why: str, next_command: str) -> NoReadersLogin:
    return NoReadersLogin(
        f"{user} could take a superuser's or the owner's rights in the midst of a question, so a reader's login has to "
        f"ask it; but {why}.",
        meaning="Nothing was asked, and no login was left behind.",
        next_command=next_command,
    )
