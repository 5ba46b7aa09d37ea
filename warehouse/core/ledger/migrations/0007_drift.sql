create table ledger.column_states (
    table_name text not null,
    column_name text not null default '',
    state text not null check (
        state in ('held', 'adding', 'backfilling', 'copying', 'complete', 'released', 'retired', 'removed')
    ),
    reason text not null,
    since timestamptz not null default clock_timestamp(),
    filled_up_to text[],
    rows_filled bigint not null default 0,
    complete_at timestamptz,
    primary key (table_name, column_name),
    check ((state = 'complete') = (complete_at is not null))
);

comment on table ledger.column_states is
    'Why a column of the replica may be null or old, for each column that came, changed or went after the first copy; a '
    'column without a row is complete since then. column_name empty: the table as a whole. held: nobody has classified '
    'it, nothing of it is stored. adding, backfilling: not every row has its value yet; rows_filled have. complete: a '
    'null is the source''s own. released: taken out of the publication on command, so that the source can change it. '
    'retired: keeps the last values it had, nothing new arrives. removed: became a secret, its values were taken away.';

create table ledger.structure_changes (
    change_id bigint generated always as identity primary key,
    changed_at timestamptz not null default clock_timestamp(),
    kind text not null,
    table_name text not null,
    column_name text,
    what text not null
);

comment on table ledger.structure_changes is
    'What `warehouse replicate apply` and the automatic part of a run changed of the publication and the replica.';
