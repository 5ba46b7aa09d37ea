-- What migrations at the source have taken out of the publication, by its own function (`warehouse replicate sql`).
create table ledger.source_releases (
    release_id bigint not null,
    released_at timestamptz not null,
    released_by text not null,
    table_name text not null,
    columns text[],
    noted_at timestamptz not null default clock_timestamp(),
    primary key (release_id, released_at)
);

comment on table ledger.source_releases is
    'What migrations at the source have let go of, as its own table of releases says, from the first run that saw it. '
    'columns null: the whole table. What is still out is in ledger.column_states as released.';
