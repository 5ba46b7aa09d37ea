"""Make the roles, and give each on every object exactly what it is declared to have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from warehouse.core import ours
from warehouse.core.database import one
from warehouse.core.errors import MissingPrivilege, RoleHasOtherRights
from warehouse.core.roles import declared, narrow_views
from warehouse.core.roles.declared import Grant, Right
from warehouse.core.roles.names import Role, role_name
from warehouse.core.roles.relations import ANALYSTS, MARTS, Relation, relations, schemas
from warehouse.core.settings import Settings

_MADE = """
select r.oid, r.rolname from ledger.made_here as m
join pg_roles as r on m.kind = 'role' and r.oid = m.object_oid and r.rolname = m.name
"""
_ROLE = """
select r.oid, exists (select from ledger.made_here as m where m.kind = 'role' and m.object_oid = r.oid),
    array_remove(array[
        case when r.rolsuper then 'is a superuser' end, case when r.rolcreaterole then 'may create roles' end,
        case when r.rolcreatedb then 'may create databases' end, case when r.rolreplication then 'may replicate' end,
        case when r.rolbypassrls then 'passes row security' end, case when r.rolcanlogin then 'can log in' end,
        (select 'is a member of ' || string_agg(quote_ident(o.rolname), ', ')
            from pg_auth_members as a join pg_roles as o on o.oid = a.roleid where a.member = r.oid),
        (select 'owns or may use ' || count(*) || ' objects already' from pg_shdepend as d
            where d.refclassid = 'pg_authid'::regclass and d.refobjid = r.oid having count(*) > 0)
    ], null)
from pg_roles as r where r.rolname = %s
"""
_RECORD = """
insert into ledger.made_here (kind, object_oid, name) select 'role', oid, rolname from pg_roles where rolname = %s
on conflict (kind, object_oid) do update set name = excluded.name
"""
_MAY = """
select r.rolsuper, pg_has_role(current_user, d.datdba, 'usage'), d.datname,
    current_user::text, o.rolsuper, o.rolname
from pg_roles as r
cross join pg_database as d
join pg_roles as o on o.oid = d.datdba
where r.rolname = current_user and d.datname = current_database()
"""
_ENTRIES = """
with entries as (
    select c.oid, g.grantee, lower(g.privilege_type) as what, '' as column_name
    from pg_class as c cross join lateral aclexplode(c.relacl) as g
    where c.oid = any(%(relations)s::oid[])
    union all
    select a.attrelid, g.grantee, lower(g.privilege_type), a.attname::text
    from pg_attribute as a cross join lateral aclexplode(a.attacl) as g
    where a.attrelid = any(%(relations)s::oid[]) and not a.attisdropped
)

select oid, grantee, array_agg(what), array_agg(column_name) from entries where grantee = any(%(roles)s::oid[])
group by 1, 2
"""
_IS_MEMBER = "select pg_has_role(%s::oid, %s, 'member')"
_PUBLIC_MAY = """
select has_database_privilege(0::oid, d.oid, 'connect') or has_database_privilege(0::oid, d.oid, 'temporary'),
    has_schema_privilege(0::oid, n.oid, 'usage') or has_schema_privilege(0::oid, n.oid, 'create'),
    pg_has_role(n.nspowner, 'usage'),
    array(
        select distinct s.nspname from pg_proc as f join pg_namespace as s on s.oid = f.pronamespace
        where s.nspname in ('ledger', 'history', 'versions') and has_function_privilege(0::oid, f.oid, 'execute')
            and pg_has_role(f.proowner, 'usage')
    )
from pg_database as d cross join pg_namespace as n
where d.datname = current_database() and n.nspname = 'public'
"""
_NEEDED = (
    "As the server's administrator: alter role {user} createrole (a superuser is not needed); or: create role {role}; "
    "grant {role} to {user} with admin option"
)


@dataclass
class Applied:
    """What was changed.

    Attributes:
        made: roles that were not there.
        granted: on how many tables, views and schemas rights were given or taken.
        notes: what this user may not do, and who may.
    """

    made: list[str] = field(default_factory=list)
    granted: int = 0
    notes: list[str] = field(default_factory=list)


def made(connection: psycopg.Connection, settings: Settings) -> dict[Role, int]:
    """The roles of this warehouse with their numbers; empty before they were made."""
    by_name = {name: oid for oid, name in connection.execute(_MADE).fetchall()}
    return {role: by_name[name] for role in Role if (name := role_name(settings, role)) in by_name}


def apply(connection: psycopg.Connection, settings: Settings) -> Applied:
    """Make the roles if they are not there, take from everybody what PostgreSQL gives them, and give each role its own.

    It can be repeated: what is right already stays.

    Raises:
        RoleHasOtherRights: a role of such a name is there with rights that it does not get here.
        MissingPrivilege: this user may not make roles.
    """
    done = Applied()
    with connection.transaction():
        for role in Role:
            _make(connection, role_name(settings, role), done)
        roles = made(connection, settings)
        _take_from_everybody(connection, done)
        ours.make_schema(connection, ANALYSTS)
        narrow_views.put_up(connection, [one for one in relations(connection) if one.schema == MARTS])
        done.granted += give(connection, roles, settings)
        _of_the_database(connection, roles, settings, done)
    return done


def give(connection: psycopg.Connection, roles: dict[Role, int], settings: Settings) -> int:
    """Give each role what it is declared to have on schemas, tables and views, and nothing else there.

    Returns:
        On how many of them something was changed.
    """
    found = relations(connection)
    names = {role: sql.Identifier(role_name(settings, role)) for role in roles}
    asked = {"relations": [one.oid for one in found], "roles": list(roles.values())}
    standing = {
        (oid, role): set(zip(what, columns, strict=True))
        for oid, role, what, columns in connection.execute(_ENTRIES, asked).fetchall()
    }
    changed = 0
    for relation in found:
        target = sql.Identifier(relation.schema, relation.name)
        for role, number in roles.items():
            wanted = declared.grants(role, relation)
            entries = {(one.what, column) for one in wanted for column in one.columns or ("",)}
            if standing.get((relation.oid, number), set()) == entries:
                continue
            if (relation.oid, number) in standing:
                connection.execute(sql.SQL("revoke all on {} from {}").format(target, names[role]))
            for one_grant in wanted:
                connection.execute(_granting(one_grant, target, names[role]))
            changed += 1
    return changed + _on_schemas(connection, roles, names, found)


def _granting(given: Grant, target: sql.Identifier, role: sql.Identifier) -> sql.Composed:
    names = sql.SQL(", ").join(map(sql.Identifier, given.columns or ()))
    columns = sql.SQL("({}) ").format(names) if given.columns is not None else sql.Composed([])
    return sql.SQL("grant {} {}on {} to {}").format(sql.SQL(given.what), columns, target, role)


_SCHEMA_ENTRIES = """
select n.nspname, array(
    select lower(g.privilege_type) from aclexplode(n.nspacl) as g where g.grantee = %s::oid order by 1
)
from pg_namespace as n where n.nspname = any(%s)
"""


def _on_schemas(
    connection: psycopg.Connection, roles: dict[Role, int], names: dict[Role, sql.Identifier], found: Sequence[Relation]
) -> int:
    all_schemas, changed = schemas(connection), 0
    for role, number in roles.items():
        rights = declared.rights(role, found, all_schemas)
        for schema, standing in connection.execute(_SCHEMA_ENTRIES, (number, all_schemas)).fetchall():
            wanted = [what for what in ("create", "usage") if Right(what, f"schema {schema}") in rights]
            if standing == wanted:
                continue
            place = sql.Identifier(schema)
            if standing:
                connection.execute(sql.SQL("revoke all on schema {} from {}").format(place, names[role]))
            for what in wanted:
                connection.execute(sql.SQL("grant {} on schema {} to {}").format(sql.SQL(what), place, names[role]))
            changed += 1
    return changed


def _make(connection: psycopg.Connection, name: str, done: Applied) -> None:
    row = connection.execute(_ROLE, (name,)).fetchone()
    role = sql.Identifier(name)
    if row is None:
        try:
            with connection.transaction():
                connection.execute(sql.SQL("create role {}").format(role))
        except psycopg.errors.InsufficientPrivilege:
            user = connection.info.user
            raise MissingPrivilege(
                f"The user {user} of the warehouse may not make the role {name}.",
                meaning="No role was made and no right was given.",
                next_command=_NEEDED.format(user=user, role=name) + ". Then: warehouse grants apply",
            ) from None
        done.made.append(name)
    elif not row[1] and row[2]:
        raise RoleHasOtherRights(
            f"There is a role {name} already, which this warehouse did not make: it {'; '.join(row[2])}.",
            meaning="Whoever has it would get the warehouse's rights in addition, so it was left alone. No right was "
            "given.",
            next_command="Set WAREHOUSE_ROLE_PREFIX (such as trw_) to have names of the warehouse's own, or have that "
            "role renamed (alter role … rename to …); then: warehouse grants apply",
        )
    connection.execute(_RECORD, (name,))


def _take_from_everybody(connection: psycopg.Connection, done: Applied) -> None:
    """What PostgreSQL gives to everybody who may log in to the server."""
    on_database, on_public, owns_public, on_functions = one(connection, _PUBLIC_MAY)
    _, owns_database, name, *_, owner = one(connection, _MAY)
    if on_database and owns_database:
        connection.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(name)))
    elif on_database:
        done.notes.append(f"everybody may connect to {name}: as {owner}, revoke all on database {name} from public")
    if on_public and owns_public:
        connection.execute("revoke all on schema public from public")
    elif on_public:
        done.notes.append(f"everybody may use the schema public: as {owner}, revoke all on schema public from public")
    # The ledger's first statement saw to functions. To alter one that keeps the history would be taken for tampering.
    done.notes += [
        f"everybody may execute functions of the schema {schema}: revoke execute on all functions in schema {schema} "
        "from public, then run warehouse replicate repair"
        for schema in on_functions
    ]


def _of_the_database(connection: psycopg.Connection, roles: dict[Role, int], settings: Settings, done: Applied) -> None:
    """CONNECT for all, CREATE for those who build, and for the engineer what the warehouse's owner has."""
    superuser, owns, name, user, owner_is_superuser, owner = one(connection, _MAY)
    if not owns:
        done.notes.append(f"the roles may not connect to {name} yet: have {owner} run warehouse grants apply")
        return
    database = sql.Identifier(name)
    everybody = sql.SQL(", ").join(sql.Identifier(role_name(settings, role)) for role in roles)
    connection.execute(sql.SQL("grant connect on database {} to {}").format(database, everybody))
    for role in (Role.builder, Role.engineer):
        group = sql.Identifier(role_name(settings, role))
        connection.execute(sql.SQL("grant create, temporary on database {} to {}").format(database, group))
    if not superuser:
        _become(connection, roles, settings, user)
    engineer = role_name(settings, Role.engineer)
    if owner_is_superuser:
        done.notes.append(f"{engineer} reads everything; it does not become {owner}, who is a superuser")
    elif not one(connection, _IS_MEMBER, (roles[Role.engineer], owner))[0]:
        statements = engineer_becomes(engineer, owner)
        if superuser:
            connection.execute(statements)
        else:
            done.notes.append(
                f"{engineer} cannot run the warehouse yet. As the server's administrator: {statements.as_string()}"
            )


def engineer_becomes(engineer: str, owner: str) -> sql.Composed:
    """What only an administrator can run: whoever makes a role is a member of it, and no role is one of itself."""
    return sql.SQL("revoke {0} from {1}; grant {1} to {0}").format(sql.Identifier(engineer), sql.Identifier(owner))


def _become(connection: psycopg.Connection, roles: Iterable[Role], settings: Settings, user: str) -> None:
    """Let the warehouse's user read as its readers: what it asks itself is asked with their rights."""
    inherit = " with inherit false, set true" if connection.info.server_version >= 160_000 else ""
    for role in roles:
        if role is not Role.engineer:
            connection.execute(
                sql.SQL("grant {} to {}{}").format(
                    sql.Identifier(role_name(settings, role)), sql.Identifier(user), sql.SQL(inherit)
                )
            )
