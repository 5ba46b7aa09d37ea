"""A login of a role for a moment, to see with its own eyes what it may do."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from warehouse.core.database import second_session
from warehouse.core.errors import NotOurs
from warehouse.core.roles import short_lived
from warehouse.core.roles.names import Role, role_name
from warehouse.core.settings import Settings

_STANDING = """
select exists (select from ledger.made_here as m where m.kind = 'role' and m.object_oid = r.oid)
from pg_roles as r where r.rolname = %s
"""
_RECORD = (
    "insert into ledger.made_here (kind, object_oid, name) select 'role', oid, rolname from pg_roles where rolname = %s"
)
_FORGET = "delete from ledger.made_here where kind = 'role' and name = %s"


@contextmanager
def logged_in(
    connection: psycopg.Connection, settings: Settings, role: Role
) -> Iterator[tuple[psycopg.Connection, str | None]]:
    """A session of a login that has one role and nothing else; the login is dropped afterwards.

    Where this user may not make logins, or the server lets this one not in, a session of this user takes the role.

    Yields:
        The session, and why it is not a login's; None when it is.
    """
    group = role_name(settings, role)
    name, password = f"{group}_probe", secrets.token_urlsafe(24)
    try:
        _make(connection, name, group, password)
    except psycopg.errors.InsufficientPrivilege:
        with second_session(connection) as session:
            session.execute(sql.SQL("set role {}").format(sql.Identifier(group)))
            yield session, f"{connection.info.user} may not make logins (createrole)"
        return
    try:
        try:
            opened, why = second_session(connection, user=name, password=password), None
        except psycopg.OperationalError:
            opened, why = second_session(connection), f"the server does not admit {name} (pg_hba.conf)"
            opened.execute(sql.SQL("set role {}").format(sql.Identifier(group)))
        with opened as session:
            yield session, why
    finally:
        if not connection.closed and not connection.broken:
            _drop(connection, name)


def _make(connection: psycopg.Connection, name: str, group: str, password: str) -> None:
    """Make the login; one that a killed command has left behind is dropped first."""
    standing = connection.execute(_STANDING, (name,)).fetchone()
    if standing and not standing[0]:
        raise NotOurs(
            f"There is a role {name} that the warehouse did not make; it needs that name for a moment before each "
            "build is published.",
            meaning="The role was left alone, and nothing was published.",
            next_command="Have it renamed (alter role … rename to …), then run again.",
        )
    if standing:
        _drop(connection, name)
    with connection.transaction():
        short_lived.make(connection, name, group, password)
        connection.execute(_RECORD, (name,))


def _drop(connection: psycopg.Connection, name: str) -> None:
    with connection.transaction():
        short_lived.drop(connection, name)
        connection.execute(_FORGET, (name,))
