alter table ledger.transactions add column kind text not null default 'stream'
    check (kind in ('copy', 'stream', 'repair', 'backfill'));
alter table ledger.transactions add column not_before timestamptz;

comment on column ledger.transactions.kind is
    'What brought the rows: the first copy of a table, the stream, a repair after a gap, or the back-fill of a column.';
comment on column ledger.transactions.not_before is
    'Null where committed_at is exact. Otherwise the change was made at the source after not_before and by '
    'committed_at, the time of the snapshot that showed it: more is not known, and nothing is invented.';

update ledger.transactions as t set kind = 'copy'
from ledger.epochs as e
where e.epoch_id = t.epoch_id and t.committed_at = e.snapshot_at;

create table ledger.dropped_history (
    table_name text not null,
    ended_from timestamptz not null,
    ended_before timestamptz not null,
    versions bigint not null,
    dropped_at timestamptz not null default clock_timestamp(),
    primary key (table_name, ended_from)
);

comment on table ledger.dropped_history is
    'Months of history that the retention rule of replication/trs.yml ended. What was known at a moment before '
    'ended_before cannot be answered in full for that table any more.';
