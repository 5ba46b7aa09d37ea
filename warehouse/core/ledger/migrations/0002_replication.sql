create table ledger.epochs (
    epoch_id int generated always as identity primary key,
    slot_name text not null,
    state text not null default 'copying' check (state in ('copying', 'streaming', 'ended')),
    source_system_id text not null,
    source_database text not null,
    start_lsn pg_lsn,
    started_at timestamptz not null default now(),
    streaming_since timestamptz,
    first_xid xid8,
    end_lsn pg_lsn,
    ended_at timestamptz,
    end_reason text
);

comment on table ledger.epochs is
    'Each life of the replication slot. Rows that the initial copy brought count as known from started_at, the '
    'moment of the snapshot at start_lsn. first_xid: the first transaction of this warehouse that can belong to it.';

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
    committed_at timestamptz not null,
    origin_lsn pg_lsn
);

comment on table ledger.transactions is
    'Each replicated transaction: its number here and the time at which it was committed at the source. The engine '
    'keeps that time only until old transactions are frozen, so it is written down here soon after.';

create table ledger.transactions_stamped (
    only_row boolean primary key default true check (only_row),
    up_to xid8 not null
);

comment on table ledger.transactions_stamped is 'Up to which transaction number ledger.transactions is complete.';
