-- What is ours in both catalogs, by the transaction that last wrote it: what was altered and put back shows.
create table ledger.marks (
    what text primary key,
    table_name text,
    mark text not null,
    noted_at timestamptz not null default clock_timestamp()
);

comment on table ledger.marks is
    'Which transaction last wrote each row of ours in the system catalogs: the publication, the subscription and its '
    'tables, the triggers and functions that keep history. Noted at the end of each command of ours; another mark at the '
    'beginning of the next one is somebody else''s doing, also when all looks as before.';

create table ledger.doubts (
    doubt_id bigint generated always as identity primary key,
    what text not null,
    table_name text,
    since timestamptz not null,
    found_at timestamptz not null default clock_timestamp(),
    xid xid8 not null default pg_current_xact_id(),
    settled_at timestamptz
);

create index doubts_open on ledger.doubts (doubt_id) where settled_at is null;

comment on table ledger.doubts is
    'Something of ours was altered between since and found_at, and may have been put back: rows may have been passed '
    'over, or versions not kept. table_name null: any table. settled_at: when a comparison has found, or a repair has '
    'made, the rows equal. Versions that were not kept cannot be had back: between these two times some may be missing.';
