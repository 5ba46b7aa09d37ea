-- Differences stay until a comparison of that table is equal; any number of gaps; restarts of the warehouse's server.
create table ledger.differences (
    difference_id bigint generated always as identity primary key,
    table_name text not null,
    found_at timestamptz not null default clock_timestamp(),
    seen_at timestamptz not null default clock_timestamp(),
    found_by text not null check (found_by in ('reconcile', 'repair')),
    warehouse_rows bigint not null,
    missing bigint not null,
    extra bigint not null,
    changed bigint not null,
    deletes_held boolean not null default false,
    cleared_at timestamptz
);

create unique index differences_open on ledger.differences (table_name) where cleared_at is null;

comment on table ledger.differences is
    'Tables that a comparison found to differ from the source. found_at: the first comparison that did, seen_at: the '
    'last. missing, extra, changed: rows that only the source has, only the replica, or both with different content. '
    'deletes_held: a repair would have deleted more rows than it may without a person''s word, and left the table as it '
    'is. cleared_at: when a comparison of this very table was equal; a comparison of another table does not clear it.';

insert into ledger.differences (
    table_name, found_at, seen_at, found_by, warehouse_rows, missing, extra, changed
)
select t.table_name, r.ended_at, r.ended_at, 'reconcile', t.warehouse_rows, t.missing, t.extra, t.changed
from (
    select distinct on (t.table_name) t.*
    from ledger.reconciled_tables as t
    order by t.table_name, t.reconciliation_id desc
) as t
join ledger.reconciliations as r using (reconciliation_id)
where t.missing + t.extra + t.changed > 0
    and not exists (
        select from ledger.gap_tables as x
        join ledger.gaps as g using (gap_id)
        where x.table_name = t.table_name and x.rows_compared is not null and g.repaired_at > r.ended_at
    );

alter table ledger.gaps add column tables text[];

update ledger.gaps as g set tables = (
    select array_agg(t.table_name order by t.table_name) from ledger.gap_tables as t where t.gap_id = g.gap_id
)
where g.repaired_at is null and g.to_lsn is null and g.ended_epoch = g.new_epoch;

comment on column ledger.gaps.tables is
    'The tables whose changes were missed; null: every replicated table. The gap is repaired when each of them that is '
    'still replicated was compared with the source.';

alter table ledger.slot_positions add column warehouse_server text;
alter table ledger.slot_positions add column source_xmin xid8;
alter table ledger.slot_positions add column undecodable text;

comment on table ledger.slot_positions is
    'What was seen of each epoch''s slot while it was certainly ours; the next look is held against it. source_lsn and '
    'source_xid: a transaction that the source had made durable. source_xmin: every transaction of the source with a '
    'smaller number had ended then. transactions: how many the slot had decoded, which starts at 0 again when a slot is '
    'made anew; comparable while statistics_since is the same. taken_by: another consumer was seen reading the slot '
    'since. undecodable: the source cannot read the slot''s WAL any more, and why. warehouse_server: which server, '
    'database and subscription of the warehouse applied it, and when that server was started: a data folder that is '
    'put back from a backup needs a start.';

create table ledger.restarts (
    restart_id bigint generated always as identity primary key,
    epoch_id int not null references ledger.epochs,
    noticed_at timestamptz not null default clock_timestamp(),
    server_before text not null,
    server_now text not null,
    known_lsn pg_lsn not null,
    confirmed_lsn pg_lsn not null,
    from_time timestamptz,
    to_time timestamptz not null,
    differed boolean not null,
    gap_id int references ledger.gaps
);

comment on table ledger.restarts is
    'Starts of the warehouse''s server after which the slot had confirmed more (confirmed_lsn) than the warehouse had '
    'noted (known_lsn): either its own stream did that before and after the start, or another life of the data folder '
    'did, of which a backup that was put back knows nothing. So replica and source were compared, at to_time. differed: '
    'they were not equal, and gap_id is the gap.';
