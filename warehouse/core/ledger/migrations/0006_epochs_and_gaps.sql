alter table ledger.epochs add column replication_name text;
update ledger.epochs set replication_name = slot_name;
alter table ledger.epochs alter column replication_name set not null;
alter table ledger.epochs add column timeline int;
alter table ledger.epochs add column continues int references ledger.epochs;
alter table ledger.epochs add column last_commit_at timestamptz;

drop index ledger.epochs_one_alive;
create unique index epochs_one_alive on ledger.epochs (replication_name) where state <> 'ended';

comment on table ledger.epochs is
    'Each life of the replication slot. It streams what was committed after start_lsn; the source''s snapshot at that '
    'position was taken at snapshot_at, and rows copied on it count as known from then. slot_name: each epoch has a slot '
    'of its own. state copying: the replica is not at start_lsn yet. timeline: of the source. continues: the epoch whose '
    'replica this one went on with. end_lsn and last_commit_at: the last transaction that was applied.';

create table ledger.slot_positions (
    epoch_id int primary key references ledger.epochs,
    noted_at timestamptz not null default clock_timestamp(),
    confirmed_flush_lsn pg_lsn not null,
    source_lsn pg_lsn not null,
    source_xid xid8,
    timeline int not null,
    transactions bigint,
    statistics_since text,
    taken_by text
);

comment on table ledger.slot_positions is
    'What was seen of each epoch''s slot while it was certainly ours; the next look is held against it. source_lsn and '
    'source_xid: a transaction that the source had made durable. transactions: how many the slot had decoded, which '
    'starts at 0 again when a slot is made anew; comparable while statistics_since is the same. taken_by: another '
    'consumer was seen reading the slot since.';

create table ledger.gaps (
    gap_id int generated always as identity primary key,
    ended_epoch int not null references ledger.epochs,
    new_epoch int not null references ledger.epochs,
    from_lsn pg_lsn,
    from_time timestamptz not null,
    to_lsn pg_lsn,
    to_time timestamptz,
    found_at timestamptz not null default clock_timestamp(),
    reason text not null,
    repaired_at timestamptz,
    rows_inserted bigint not null default 0,
    rows_updated bigint not null default 0,
    rows_deleted bigint not null default 0,
    check (repaired_at is null or to_time is not null)
);

comment on table ledger.gaps is
    'Where the stream was broken. Transactions of the source after from_lsn (committed after from_time) and up to to_lsn '
    '(the snapshot of to_time) were not applied one by one: of a row that changed more than once only the last version '
    'is known, and of each change only that it lies in between. The repair wrote what differed. When ended_epoch is '
    'new_epoch the stream was whole and rows of the replica were damaged.';

create index gaps_open on ledger.gaps (new_epoch) where repaired_at is null;

create table ledger.gap_tables (
    gap_id int not null references ledger.gaps,
    table_name text not null,
    rows_compared bigint,
    rows_inserted bigint not null default 0,
    rows_updated bigint not null default 0,
    rows_deleted bigint not null default 0,
    seconds double precision not null default 0,
    primary key (gap_id, table_name)
);

comment on table ledger.gap_tables is
    'What the repair of a gap did to each table; written in the transactions that did it. rows_compared is null until '
    'the table is done.';
