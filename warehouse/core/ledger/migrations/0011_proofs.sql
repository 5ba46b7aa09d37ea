-- What a comparison proved, so that the next one need not look into rows that were not written since.
create table ledger.proofs (
    schema_name text not null,
    table_name text not null,
    spec text not null,
    source_server text not null,
    source_relation text not null,
    source_xmin xid8 not null,
    warehouse_server text not null,
    warehouse_relation text not null,
    warehouse_xmin xid8 not null,
    proved_at timestamptz not null default clock_timestamp(),
    in_full_at timestamptz not null default clock_timestamp(),
    carried_from timestamptz,
    primary key (schema_name, table_name)
);

comment on table ledger.proofs is
    'The last comparison of each table after which source and replica were equal. A row whose xmin is older than '
    'source_xmin, or warehouse_xmin here, was seen by it as it is now. It holds while everything else is as it was: '
    'spec is a digest of what was compared and how; a server is its system identifier and the database''s number, of '
    'the source also its timeline and when it was started (seconds since 1970); a relation is a digest of the table''s '
    'files and columns. in_full_at: when every row was last looked into. carried_from: the time of the proof that this '
    'one relied on for rows that had not been written since; null when every row was looked into.';

alter table ledger.gap_tables add column carried_from timestamptz;

comment on column ledger.gap_tables.carried_from is
    'The time of the proof that the comparison relied on for rows that had not been written since; null when every row '
    'was looked into.';
