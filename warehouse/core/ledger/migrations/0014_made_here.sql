create table ledger.made_here (
    kind text not null check (kind in ('schema', 'table')),
    object_oid oid not null,
    name text not null,
    made_at timestamptz not null default now(),
    primary key (kind, object_oid)
);

comment on table ledger.made_here is
    'A schema, or a table in a schema that others use as well, which the warehouse made: nothing else is ever replaced, '
    'renamed or dropped. By oid: what somebody makes later under the same name is not in here.';

insert into ledger.made_here (kind, object_oid, name)
select 'schema', oid, nspname from pg_namespace where nspname = 'ledger';
