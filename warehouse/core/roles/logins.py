"""People's and programs' own logins: each gets one of the roles, and what it needs to find its tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg import sql

from warehouse.core import safe_message
from warehouse.core.database import one
from warehouse.core.errors import LoginHasMore, MissingPrivilege, UsageError
from warehouse.core.roles.actual import attributes
from warehouse.core.roles.applying import engineer_becomes, made
from warehouse.core.roles.names import Role, role_name
from warehouse.core.settings import Settings

_PATHS: Final = {
    Role.analyst: "marts_open",
    Role.analyst_personal: "marts_personal",
    Role.analyst_sensitive: "marts",
}
"""Where a reader's `select * from dim_person` looks. Nobody but the warehouse can create anything there."""

_LOGIN = "select oid, rolcanlogin from pg_roles where rolname = %s"
_IS_SUPERUSER = "select rolsuper from pg_roles where rolname = current_user"
_HAS = """
select o.rolname from pg_auth_members as m join pg_roles as o on o.oid = m.roleid
where m.member = %s and o.oid = any(%s)
"""
_OWNER = """
select current_database(), current_user::text, pg_get_userbyid(datdba)::text
from pg_database where datname = current_database()
"""


@dataclass(frozen=True)
class Login:
    """What became of a login.

    Attributes:
        role: the one that it has now; None when it was taken away.
        is_new: it did not exist.
    """

    name: str
    role: str | None
    is_new: bool


def give(connection: psycopg.Connection, settings: Settings, name: str, role: Role | None) -> Login:
    """Give a login one of the roles, in the place of any other that it has; or take its role away.

    A login that does not exist is made, without a password: how its person proves who they are is the server's affair.

    Args:
        role: None takes the role away.

    Raises:
        UsageError: the roles do not exist yet, or the name is that of one of them or of the warehouse's own user.
        LoginHasMore: it is a superuser, or may do other things that no reader may.
        MissingPrivilege: this user may not give roles.
    """
    roles = made(connection, settings)
    if not roles:
        raise _wrong("The roles do not exist yet.", "warehouse grants apply")
    database, user, owner = one(connection, _OWNER)
    if name in {user, owner, *(role_name(settings, one_role) for one_role in Role)}:
        raise _wrong(f"{name} is a role of the warehouse itself, not a person's login.", "warehouse grants show")
    if role is Role.engineer and not one(connection, _IS_SUPERUSER)[0]:
        raise _for_an_administrator(settings, name, database, owner)
    try:
        with connection.transaction():
            is_new = connection.execute(_LOGIN, (name,)).fetchone() is None
            if is_new and role is None:
                raise _wrong(f"There is no login {name}.", "warehouse grants show")
            who = sql.Identifier(name)
            if is_new:
                connection.execute(sql.SQL("create role {} login").format(who))
            number, can_log_in = one(connection, _LOGIN, (name,))
            _refuse_more(name, attributes(connection, number), can_log_in=can_log_in)
            for (other,) in connection.execute(_HAS, (number, list(roles.values()))).fetchall():
                connection.execute(sql.SQL("revoke {} from {}").format(sql.Identifier(other), who))
            _settings(connection, name, database, owner, role)
            if role is not None:
                connection.execute(sql.SQL("grant {} to {}").format(sql.Identifier(role_name(settings, role)), who))
    except psycopg.errors.InsufficientPrivilege as error:
        raise MissingPrivilege(
            f"The user {user} of the warehouse may not do that: {safe_message.of(error)}.",
            meaning="Nothing was changed.",
            next_command=f"As the server's administrator: alter role {user} createrole. Then run it again.",
        ) from None
    return Login(name, role_name(settings, role) if role else None, is_new)


def _settings(connection: psycopg.Connection, name: str, database: str, owner: str, role: Role | None) -> None:
    """What each session of the login begins with in this database."""
    where = sql.SQL("alter role {} in database {} ").format(sql.Identifier(name), sql.Identifier(database))
    for setting in ("search_path", "role"):
        connection.execute(where + sql.SQL("reset {}").format(sql.SQL(setting)))
    if role in _PATHS:
        connection.execute(where + sql.SQL("set search_path = {}").format(sql.Identifier(_PATHS[role])))
    if role is Role.engineer and not one(connection, "select rolsuper from pg_roles where rolname = %s", (owner,))[0]:
        # What it makes belongs to the warehouse, as if the warehouse's user had made it.
        connection.execute(where + sql.SQL("set role = {}").format(sql.Identifier(owner)))


def _refuse_more(name: str, more: list[str], *, can_log_in: bool) -> None:
    if more or not can_log_in:
        what = f"has {', '.join(more)}" if more else "cannot log in"
        raise LoginHasMore(
            f"{name} {what}: whoever uses it would have more than a role of the warehouse.",
            meaning="Nothing was changed.",
            next_command=f"Give the person a login of their own (warehouse grants login … --role …), or take that away "
            f"(alter role {name} …).",
        )


def _for_an_administrator(settings: Settings, name: str, database: str, owner: str) -> MissingPrivilege:
    """Engineers become the warehouse's owner, who cannot make somebody a member of itself."""
    engineer = role_name(settings, Role.engineer)
    statements = sql.SQL("{}; grant {} to {}; alter role {} in database {} set role = {}").format(
        engineer_becomes(engineer, owner),
        *(sql.Identifier(one_name) for one_name in (engineer, name, name, database, owner)),
    )
    return MissingPrivilege(
        f"Only an administrator of the server can give {engineer}: whoever has it becomes {owner}.",
        meaning="Nothing was changed.",
        next_command=f"As the server's administrator, with a login of the person's own: {statements.as_string()}",
    )


def _wrong(what: str, next_command: str) -> UsageError:
    return UsageError(what, meaning="Nothing was changed.", next_command=next_command)
