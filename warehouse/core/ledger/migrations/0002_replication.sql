create table ledger.epochs (
    epoch_id int generated always as identity primary key,
    slot_name text not null,
    state text not null default 'copying' check (state in ('copying', 'streaming', 'ended')),
    source_system_id text not null,
    source_database text not null,
    start_lsn pg_lsn,
    snapshot_at timestamptz,
    started_at timestamptz not null default now(),
    streaming_since timestamptz,
    end_lsn pg_lsn,
    ended_at timestamptz,
    end_reason text
);

comment on table ledger.epochs is
    'Each life of the replication slot. Rows that the initial copy brought count as known from snapshot_at, the moment '
    'of the snapshot at start_lsn.';

create unique index epochs_one_alive on ledger.epochs (slot_name) where state <> 'ended';

create table ledger.copied_tables (
    epoch_id int not null references ledger.epochs,
    table_name text not null,
    rows_copied bigint not null,
    seconds double precision not null,
    copied_at timestamptz not null default now(),
    primary key (epoch_id, table_name)
);

comment on table ledger.copied_tables is 'The initial copy, table by table, in rows.';

create table ledger.transactions (
    xid xid8 primary key,
    epoch_id int not null references ledger.epochs,
    committed_at timestamptz not null
);

comment on table ledger.transactions is
    'Each transaction that brought rows: its number here and the time at which it was committed at the source. The '
    'engine keeps that time only until old transactions are frozen, so it is written down here soon after. The rows of '
    'the initial copy have the time of its snapshot.';

create table ledger.replication_position (
    epoch_id int primary key references ledger.epochs,
    stamped_up_to xid8 not null,
    row_changes bigint not null default 0,
    noted_at timestamptz not null default now()
);

comment on table ledger.replication_position is
    'Up to which transaction number ledger.transactions is complete, and how many row changes the engine had counted.';
