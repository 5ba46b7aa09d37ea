"""Compare what roles, logins and everybody can do with what is declared: PostgreSQL is asked, and a login tries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
from psycopg import sql

from warehouse.core.database import one
from warehouse.core.errors import LoginHasMore, RoleHasOtherRights
from warehouse.core.roles import declared
from warehouse.core.roles.actual import EVERYBODY, attributes, can
from warehouse.core.roles.applying import made
from warehouse.core.roles.declared import Right
from warehouse.core.roles.names import READERS, Role, role_name
from warehouse.core.roles.probe import logged_in
from warehouse.core.roles.relations import NARROW, SHOWN_BY_CLASS, Relation, relations, schemas
from warehouse.core.settings import Settings

_LEFT = "Readers and receivers see the last good build, and nothing was published."

_LOGINS = """
with recursive members as (
    select m.member, m.roleid as role from pg_auth_members as m where m.roleid = any(%(roles)s::oid[])
    union
    select m.member, b.role from members as b join pg_auth_members as m on m.roleid = b.member
)

select r.oid, r.rolname, array_agg(b.role)
from members as b join pg_roles as r on r.oid = b.member
where r.rolcanlogin and r.oid <> all(%(others)s::oid[])
group by 1, 2
order by 2
"""
_OWNERS = """
select array[d.datdba, r.oid] from pg_database as d cross join pg_roles as r
where d.datname = current_database() and r.rolname = current_user
"""


@dataclass(frozen=True)
class Breach:
    """Somebody can do more than is declared.

    Attributes:
        who: a role, a login, or "everybody".
        is_role: whether it is one of the warehouse's roles itself.
        more: what it can do beyond.
    """

    who: str
    is_role: bool
    more: list[str]

    def __str__(self) -> str:
        shown = ", ".join(self.more[:3]) + (f" and {len(self.more) - 3} more" if len(self.more) > 3 else "")
        return f"{self.who} has {shown}"


def breaches(connection: psycopg.Connection, settings: Settings) -> list[Breach]:
    """Who can do more than is declared: everybody, the roles, and the logins that have them.

    In a transaction it sees what that transaction has granted.
    """
    roles = made(connection, settings)
    if not roles:
        return []
    found, places = relations(connection), schemas(connection)
    wanted = {role: declared.rights(role, found, places) for role in Role}
    everybody = can(connection, EVERYBODY, found, places)
    result = [Breach("everybody (public)", False, _listed(everybody))] if everybody else []
    for role, number in roles.items():
        if role is not Role.engineer:
            more = can(connection, number, found, places) - wanted[role] - everybody
            told = [*attributes(connection, number), *_listed(more)]
            result += [Breach(f"the role {role_name(settings, role)}", True, told)] if told else []
    by_number = {number: role for role, number in roles.items()}
    asked = {"roles": list(by_number), "others": one(connection, _OWNERS)[0]}
    for number, name, has in connection.execute(_LOGINS, asked).fetchall():
        its_own = [by_number[one_role] for one_role in has]
        if Role.engineer in its_own:
            continue
        allowed = set().union(*(can(connection, roles[role], found, places) | wanted[role] for role in its_own))
        more = set() if (told := attributes(connection, number)) else can(connection, number, found, places) - allowed
        told += _listed(more - everybody)
        result += [Breach(f"the login {name}", False, told)] if told else []
    return result


def refuse(found: list[Breach]) -> None:
    """Stop when somebody can do more than is declared.

    Raises:
        RoleHasOtherRights: one of the roles.
        LoginHasMore: a login, or everybody.
    """
    if not found:
        return
    kind = RoleHasOtherRights if found[0].is_role else LoginHasMore
    raise kind(
        f"More can be done in the warehouse than is declared: {'; '.join(map(str, found[:3]))}"
        + (f"; and {len(found) - 3} more." if len(found) > 3 else "."),
        meaning=f"Somebody could read or change what they should not. {_LEFT}",
        next_command="Take it away (revoke … on … from …; alter role … nosuperuser), which `warehouse grants check` "
        "confirms; then run again.",
    )


def by_login(connection: psycopg.Connection, settings: Settings) -> tuple[list[Breach], str | None]:
    """Log in as each role and try: what PostgreSQL says of the session, and what it answers to queries.

    Returns:
        The breaches, and why there was no login where none could be made: then a session of this user took each role.
    """
    roles = made(connection, settings)
    found, places = relations(connection), schemas(connection)
    result, why = [], None
    for role in roles:
        if role is Role.engineer:
            continue
        wanted = declared.rights(role, found, places)
        with logged_in(connection, settings, role) as (session, without):
            why = why or without
            number = int(one(session, "select oid from pg_catalog.pg_roles where rolname = current_user")[0])
            told = [*attributes(session, number), *_listed(can(session, number, found, places) - wanted)]
            if role in READERS:
                told += list(_tried(session, found, wanted))
        result += [Breach(f"a login with the role {role_name(settings, role)}", True, told)] if told else []
    return result, why


def _tried(session: psycopg.Connection, found: list[Relation], wanted: set[Right]) -> Iterator[str]:
    """What a reader's session reads of the marts and the old names although it should not."""
    for relation in found:
        if relation.schema not in (*SHOWN_BY_CLASS, *NARROW):
            continue
        for column in relation.columns:
            if Right("select", relation.place, column) in wanted:
                continue
            query = sql.SQL("select {} from {} limit 0").format(
                sql.Identifier(column), sql.Identifier(relation.schema, relation.name)
            )
            try:
                session.execute(query)
            except psycopg.errors.InsufficientPrivilege:
                continue
            yield f"read {relation.place} ({column})"


def _listed(rights: set[Right]) -> list[str]:
    """One line for each table: its columns together."""
    columns: dict[tuple[str, str], list[str]] = {}
    for right in sorted(rights):
        columns.setdefault((right.what, right.on), []).extend([right.column] if right.column else [])
    return [
        f"{what} on {on}" + (f" ({', '.join(names[:5])}{', …' if len(names) > 5 else ''})" if names else "")
        for (what, on), names in columns.items()
    ]
