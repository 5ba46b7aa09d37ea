-- What the guard of the stream sees and what people decide: looks, conflicts, skipped transactions, writes by hand.
create table ledger.replication_looks (
    look_id bigint generated always as identity primary key,
    epoch_id int not null references ledger.epochs,
    looked_at timestamptz not null,
    source_at timestamptz not null,
    source_lsn pg_lsn not null,
    confirmed_lsn pg_lsn,
    restart_lsn pg_lsn,
    applied_lsn pg_lsn,
    received_lsn pg_lsn,
    newest_commit_at timestamptz,
    enabled boolean,
    worker_pid int,
    slot_held_by int,
    state text not null
);

comment on table ledger.replication_looks is
    'Where the stream stood each time somebody looked: rates, movement and lag in seconds come from here. looked_at is '
    'the clock of the warehouse, source_at that of the operational database at the same moment. Kept for a week.';

create index replication_looks_in_time on ledger.replication_looks (epoch_id, looked_at);

create table ledger.conflicts (
    conflict_id bigint generated always as identity primary key,
    epoch_id int not null references ledger.epochs,
    lsn pg_lsn not null,
    found_at timestamptz not null default clock_timestamp(),
    committed_at timestamptz,
    kind text not null,
    table_name text,
    operation text,
    key jsonb,
    constraint_name text,
    what text not null,
    rows bigint,
    state text not null default 'open' check (state in ('open', 'resolved', 'skipped')),
    resolved_at timestamptz,
    unique (epoch_id, lsn)
);

comment on table ledger.conflicts is
    'Transactions that could not be applied. lsn: where it ends at the source. key: the key of the first row that does '
    'not fit, hashed where it is sensitive; no other value of a row is ever here. rows: how many rows the transaction changes.';

create table ledger.skipped_transactions (
    epoch_id int not null references ledger.epochs,
    lsn pg_lsn not null,
    committed_at timestamptz,
    decided_at timestamptz not null default clock_timestamp(),
    decided_by text not null,
    because text not null,
    state text not null default 'decided' check (state in ('decided', 'skipped')),
    settled_at timestamptz,
    rows bigint not null,
    tables jsonb not null,
    primary key (epoch_id, lsn)
);

comment on table ledger.skipped_transactions is
    'Transactions that a person decided not to apply: who, when and why. tables: for each table how many rows of it '
    'were skipped and the keys of the first 1,000. settled_at: when a comparison with the source made these tables whole.';

create table ledger.hand_writes (
    hand_write_id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    xid xid8 not null default pg_current_xact_id(),
    table_name text not null,
    operation text not null,
    rows bigint,
    keys jsonb,
    written_by text not null default session_user,
    settled_at timestamptz
);

comment on table ledger.hand_writes is
    'Writes to the replica by somebody else than the stream. rows: null for a truncate. keys: of the first 20 rows, '
    'hashed where the column is sensitive. '
    'settled_at: when a comparison with the source made the table whole again.';

create index hand_writes_open on ledger.hand_writes (table_name) where settled_at is null;

create function ledger.note_write_by_hand() returns trigger language plpgsql as $$
declare
    counted bigint;
    found jsonb;
begin
    if tg_op <> 'TRUNCATE' then
        execute format(
            'select count(*), jsonb_agg(jsonb_build_array(%s)) filter (where number <= 20)'
            ' from (select *, row_number() over () as number from changed) as c',
            (
                select string_agg(
                    format(
                        case when a.attname = any(tg_argv) then $md5$'md5:' || md5(c.%I::text)$md5$ else 'c.%I' end,
                        a.attname
                    ),
                    ', ' order by k.number
                )
                from pg_index as i
                cross join lateral unnest(i.indkey::int2[]) with ordinality as k (attnum, number)
                join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
                where i.indrelid = tg_relid and i.indisprimary
            )
        ) into counted, found;
        if counted = 0 then
            return null;
        end if;
    end if;
    insert into ledger.hand_writes (table_name, operation, rows, keys)
    values (tg_table_name, lower(tg_op), counted, found);
    return null;
end
$$;

comment on function ledger.note_write_by_hand() is
    'Behind an ordinary trigger of each replicated table. Such triggers do not fire for what the stream applies, so '
    'they cost it nothing; our own writers set warehouse.writer, and it does not fire for them either.';

create table ledger.settled_counters (
    epoch_id int primary key references ledger.epochs,
    update_missing bigint not null,
    delete_missing bigint not null,
    noted_at timestamptz not null default clock_timestamp()
);

comment on table ledger.settled_counters is
    'How many updates and deletes had found no row here, as the engine counts them, when a comparison showed that the '
    'whole replica is equal to the source. What is counted beyond that is a sign that rows are missing.';
