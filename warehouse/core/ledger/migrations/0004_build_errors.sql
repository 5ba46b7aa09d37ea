-- Why a build did not come to its end. Apart from ledger.builds, which every reader may see: an error names keys of rows.
create table ledger.build_errors (
    build_id bigint primary key references ledger.builds,
    error jsonb not null
);

comment on table ledger.build_errors is
    'Of each build or vintage that failed with a reason: what happened, what it means and the next command, as --json '
    'prints them; sensitive keys as a keyed hash. One that was killed or stopped by hand has no row.';
