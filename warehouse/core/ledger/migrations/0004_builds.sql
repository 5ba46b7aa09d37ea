create table ledger.builds (
    build_id bigint generated always as identity primary key,
    started_at timestamptz not null default now(),
    ended_at timestamptz,
    state text not null default 'building' check (state in ('building', 'published', 'failed')),
    as_at date not null,
    known_up_to xid8,
    project_sha256 text not null,
    nodes int,
    failed text[],
    mart_rows bigint
);

comment on table ledger.builds is
    'Each build of the models. Only published ones were ever seen by readers. as_at: the business date it was built '
    'for. known_up_to: the last transaction in ledger.transactions when it began. project_sha256: of the dbt project.';
