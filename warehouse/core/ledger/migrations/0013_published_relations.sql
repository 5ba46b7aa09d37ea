-- What a build made for readers, so that nobody else's object is taken for ours, and a change by hand is seen.
alter table ledger.builds add column inputs jsonb not null default '{}';
alter table ledger.builds add column published_xid xid8;
alter table ledger.builds add column published_at timestamptz;

comment on column ledger.builds.inputs is
    'What the build was made from, as digests: the project, dbt''s version, the business date, the rows of the replica '
    'and of its history. A run with the same inputs builds nothing.';
comment on column ledger.builds.published_xid is
    'The transaction that wrote the build''s rows into the published tables. A row there with another xmin than one of '
    'these was written by somebody else.';

create table ledger.build_schemas (
    schema_oid oid primary key,
    schema_name text not null,
    is_candidate boolean not null,
    made_at timestamptz not null default clock_timestamp()
);

comment on table ledger.build_schemas is
    'Schemas that builds made: those that readers use, and those (is_candidate) in which the next build is made and '
    'tested. A schema of the same name with another number is somebody else''s and is left alone.';

create table ledger.published_relations (
    schema_name text not null,
    relation_name text not null,
    kind text not null check (kind in ('table', 'view')),
    relation_oid oid not null,
    structure_sha256 text,
    rows bigint,
    build_id bigint references ledger.builds,
    primary key (schema_name, relation_name)
);

comment on table ledger.published_relations is
    'Every table and view that the published build consists of. structure_sha256: of its columns, or of a view''s query. '
    'rows: of a table. build_id: the build that wrote it; null for one that an earlier version of this program made.';

create table ledger.build_findings (
    build_id bigint not null references ledger.builds,
    test_name text not null,
    model_name text not null,
    column_name text,
    severity text not null check (severity in ('warning', 'failure')),
    rows bigint not null,
    found jsonb not null default '{}',
    primary key (build_id, test_name)
);

comment on table ledger.build_findings is
    'What the tests of a build found. severity failure: nothing was published. found: up to five of the rows, with keys '
    'and codes only, sensitive keys as MD5; of an unknown code how many rows have it.';

-- A warehouse whose builds were published by renaming schemas: those schemas and what is in them are ours.
insert into ledger.build_schemas (schema_oid, schema_name, is_candidate)
select n.oid, n.nspname, false
from pg_namespace as n
where n.nspname in ('staging', 'intermediate', 'marts', 'extracts', 'seeds')
    and exists (select from ledger.builds where state = 'published');

insert into ledger.build_schemas (schema_oid, schema_name, is_candidate)
select n.oid, n.nspname, true
from pg_namespace as n
where n.nspname in (
        'trw_build_staging', 'trw_build_intermediate', 'trw_build_marts', 'trw_build_extracts', 'trw_build_seeds',
        'trw_old_staging', 'trw_old_intermediate', 'trw_old_marts', 'trw_old_extracts', 'trw_old_seeds'
    )
    and exists (select from ledger.builds);

insert into ledger.published_relations (schema_name, relation_name, kind, relation_oid)
select s.schema_name, c.relname, case c.relkind when 'v' then 'view' else 'table' end, c.oid
from ledger.build_schemas as s
join pg_class as c on c.relnamespace = s.schema_oid
where not s.is_candidate and c.relkind in ('r', 'v')
    and c.relowner = (select o.relowner from pg_class as o where o.oid = 'ledger.builds'::regclass);
