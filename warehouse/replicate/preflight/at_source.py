"""What a database administrator runs at the source: the publication, our user's rights, a way to release columns.

PostgreSQL refuses to drop a published column or to change its type. A migration has no access to the warehouse, so the
function that takes columns out of the publication is at the source. It can do nothing else: it names one publication,
only takes out of it, and never a part of a key. It leaves a row that says to the warehouse what was intended.
"""

from __future__ import annotations

import psycopg
from psycopg import sql

from warehouse.core.database import one
from warehouse.replicate.catalog import publication
from warehouse.replicate.classification import Classification

SYSTEM_COLUMNS = ("ctid", "xmin", "tableoid")
"""Where a row is and who wrote it last: a large table is copied in parts, and compared by what changed since."""

_RIGHTS = sql.SQL(
    """-- The warehouse's user at this server may replicate, and read the published columns: nothing else of a table, no
-- secret among them. Give it a password with \\password. In pg_hba.conf, for the machine of the warehouse's program and
-- for that of the warehouse's server:
--   hostssl  {database}  {role}  <address>/32  scram-sha-256
do $role$
begin
    if not exists (select from pg_roles where rolname = {role_name}) then
        create role {role} login;
    end if;
end $role$;
alter role {role} with replication;
grant usage on schema {schema} to {role};

-- Only what is missing: a grant writes the column's row in the catalog again, as a rename and its reversal would.
do $rights$
declare
    missing record;
begin
    for missing in
        select w.relation, string_agg(quote_ident(c.name), ', ') as columns
        from (values
            {tables}
        ) as w (relation, names)
        cross join lateral unnest(w.names) as c (name)
        where not has_column_privilege({role_name}, w.relation, c.name, 'select')
        group by w.relation
    loop
        execute format('grant select (%s) on %s to %I', missing.columns, missing.relation, {role_name});
    end loop;
end $rights$;"""
)

_SCHEMA = sql.SQL(
    """-- Releasing columns before a migration drops them or changes their type. Run it as the owner of the tables:
-- the function acts with the rights of whoever runs it, and a table is added to a publication by its owner.
create schema if not exists {name};

create table if not exists {name}.releases (
    release_id bigint generated always as identity primary key,
    released_at timestamptz not null default clock_timestamp(),
    released_by text not null default session_user,
    table_schema text not null,
    table_name text not null,
    columns text[],
    listed_before oid not null,
    listed_after oid
);

comment on table {name}.releases is
    'What migrations have taken out of the publication {plain}; columns null: the whole table. listed_before and '
    'listed_after are the numbers of its line in the publication: that no one else had taken it out in between.';"""
)

_FUNCTION = sql.SQL(
    """create or replace function {name}.release(released regclass, variadic columns text[] default '{{}}')
returns boolean language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
    sent text[];
    hidden boolean;
    in_identity text[];
    unknown text;
    place text;
    called text;
    was oid;
begin
    if released is null or columns is null or array_position(columns, null) is not null then
        raise exception 'release() takes a table and names of its columns, none of them null'
            using errcode = 'null_value_not_allowed';
    end if;
    select n.nspname, c.relname into strict place, called
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace where c.oid = released;
    if not exists (
        select from pg_publication_rel as r join pg_publication as p on p.oid = r.prpubid
        where p.pubname = {literal} and r.prrelid = released
    ) then
        raise notice '%.% is not published: there is nothing to release', place, called;
        return false;
    end if;
    -- The table and its key stay as they are meanwhile; readers and writers are not blocked.
    execute format('lock table %I.%I in share update exclusive mode', place, called);
    select r.oid, r.prqual is not null,
        array(
            select a.attname::text from pg_attribute as a
            where a.attrelid = released and a.attnum > 0 and not a.attisdropped
                and (r.prattrs is null or a.attnum = any(r.prattrs::int2[])) order by a.attnum
        )
    into strict was, hidden, sent
    from pg_publication_rel as r join pg_publication as p on p.oid = r.prpubid
    where p.pubname = {literal} and r.prrelid = released;
    if hidden then
        raise exception '%.% is published with a filter of rows, which the warehouse has not made', place, called;
    end if;
    if cardinality(columns) > 0 then
        select name into unknown from unnest(columns) as u (name) where not exists (
            select from pg_attribute where attrelid = released and attname = name and attnum > 0 and not attisdropped
        );
        if found then
            raise exception '%.% has no column %', place, called, unknown using errcode = 'undefined_column';
        end if;
        in_identity := array(
            select a.attname::text from pg_index as i join pg_class as c on c.oid = i.indrelid
            join pg_attribute as a on a.attrelid = released and a.attnum = any(i.indkey::int2[])
            where i.indrelid = released and (i.indisprimary or i.indisreplident)
        );
        if in_identity && columns then
            raise exception 'rows of %.% are identified by %: release the whole table',
                place, called, array_to_string(in_identity, ', ');
        end if;
        if not sent && columns then
            raise notice 'these columns of %.% are not published: there is nothing to release', place, called;
            return false;
        end if;
    end if;
    execute format('alter publication %I drop table %I.%I', {literal}, place, called);
    if cardinality(columns) > 0 then
        execute format(
            'alter publication %I add table %I.%I (%s)', {literal}, place, called,
            (select string_agg(quote_ident(name), ', ') from unnest(sent) as s (name) where name <> all(columns))
        );
    end if;
    insert into {name}.releases (table_schema, table_name, columns, listed_before, listed_after)
    select place, called, nullif(columns, '{{}}'), was, (
        select r.oid from pg_publication_rel as r join pg_publication as p on p.oid = r.prpubid
        where p.pubname = {literal} and r.prrelid = released
    );
    return true;
end $$;

comment on function {name}.release(regclass, text[]) is
    'Takes columns, or without any the whole table, out of the publication {plain}, so that a migration may drop them '
    'or change their type. The warehouse keeps their last values, and reports so until a person takes them up again.';

revoke all on schema {name} from public;
revoke all on table {name}.releases from public;
revoke all on function {name}.release(regclass, text[]) from public;
grant usage on schema {name} to {role};
grant select on {name}.releases to {role};"""
)

_MIGRATIONS = sql.SQL(
    """-- Who migrates this database calls, before the statement: select {name}.release('{schema}.persons', 'gender');
grant usage on schema {name} to {role};
grant execute on function {name}.release(regclass, text[]) to {role};"""
)


_MAY_RELEASE = """
select bool_or(has_function_privilege(p.oid, 'execute') and has_schema_privilege(n.oid, 'usage'))
from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace
where n.nspname = %s and p.proname = 'release' and p.prosecdef
"""


def script(
    connection: psycopg.Connection, name: str, classification: Classification, role: str, migrations_role: str | None
) -> str:
    """Everything, in the order in which it is run; again does no harm.

    Args:
        name: of the publication, and of the schema of the function.
        classification: of what the source has.
        role: the warehouse's user at the source.
        migrations_role: who migrates the source; None leaves the function to its owner.
    """
    exists = publication.read(connection, name, classification.schema_name) is not None
    parts = [
        publication.statement(name, classification, exists=exists) + sql.SQL(";"),
        _RIGHTS.format(
            role=sql.Identifier(role),
            database=sql.Identifier(connection.info.dbname),
            schema=sql.Identifier(classification.schema_name),
            role_name=sql.Literal(role),
            tables=sql.SQL(",\n            ").join(
                sql.SQL("({}, array[{}])").format(
                    sql.Literal(sql.Identifier(classification.schema_name, table).as_string()),
                    sql.SQL(", ").join(map(sql.Literal, [*columns, *SYSTEM_COLUMNS])),
                )
                for table, columns in classification.published.items()
            ),
        ),
        function(name, role),
    ]
    if migrations_role:
        parts.append(for_migrations(name, classification.schema_name, migrations_role))
    return sql.SQL("\n\n").join(parts).as_string(connection)


def function(name: str, role: str) -> sql.Composed:
    """The schema, the table and the function, with the rights of the warehouse's user to see what was released."""
    given = {"name": sql.Identifier(name), "role": sql.Identifier(role), "plain": sql.SQL(name.replace("'", "''"))}
    return sql.SQL("\n\n").join([_SCHEMA.format(**given), _FUNCTION.format(literal=sql.Literal(name), **given)])


def for_migrations(name: str, schema: str, role: str) -> sql.Composed:
    """The right to call the function."""
    return _MIGRATIONS.format(name=sql.Identifier(name), schema=sql.SQL(schema), role=sql.Identifier(role))


def release_call(name: str, schema: str, table: str, columns: list[str]) -> sql.Composed:
    """The call that releases columns, for whoever may."""
    target = f"{_quoted(schema)}.{_quoted(table)}"
    return sql.SQL("select {}({})").format(
        sql.Identifier(name, "release"), sql.SQL(", ").join(map(sql.Literal, [target, *columns]))
    )


def may_release(connection: psycopg.Connection, name: str) -> bool | None:
    """Whether this user may call the function; None when the source has none."""
    (may,) = one(connection, _MAY_RELEASE, (name,))
    return None if may is None else bool(may)


def _quoted(name: str) -> str:
    return (
        name if name.isidentifier() and name == name.lower() and name.isascii() else '"' + name.replace('"', '""') + '"'
    )
