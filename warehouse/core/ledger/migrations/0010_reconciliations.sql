-- Comparisons of content between source and replica.
create table ledger.reconciliations (
    reconciliation_id bigint generated always as identity primary key,
    epoch_id int not null references ledger.epochs,
    started_at timestamptz not null,
    ended_at timestamptz not null default clock_timestamp(),
    lsn pg_lsn not null,
    snapshot_at timestamptz not null,
    result text not null check (result in ('equal', 'differs'))
);

comment on table ledger.reconciliations is
    'Each finished comparison of source and replica by content. Both were read as they were at lsn, the source''s '
    'position of snapshot_at, while changes went on.';

create table ledger.reconciled_tables (
    reconciliation_id bigint not null references ledger.reconciliations,
    table_name text not null,
    lsn pg_lsn not null,
    source_rows bigint not null,
    warehouse_rows bigint not null,
    ranges int not null,
    differing_ranges int not null,
    missing bigint not null,
    extra bigint not null,
    changed bigint not null,
    differing_keys jsonb not null,
    seconds double precision not null,
    primary key (reconciliation_id, table_name)
);

comment on table ledger.reconciled_tables is
    'What a comparison found in each table. lsn: a later position than the comparison''s for a table that was truncated '
    'or rewritten while it was compared, and was compared again. missing: rows that only the source had; extra: only the '
    'replica; changed: both, with different content. differing_keys: the first keys of each, as text; of key columns '
    'that identify a person directly, their MD5. Nothing of any other column.';
