create table ledger.runs (
    run_id bigint generated always as identity primary key,
    started_at timestamptz not null default now(),
    ended_at timestamptz,
    state text not null default 'running' check (state in ('running', 'succeeded', 'failed', 'interrupted')),
    error jsonb,
    stages jsonb not null default '[]'
);

comment on table ledger.runs is 'One row for each `warehouse run`, with the summary of its stages.';
