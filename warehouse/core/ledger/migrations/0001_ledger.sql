-- The ledger: what the warehouse did and what it knows. Every table's comment says what a row of it means.

-- What PostgreSQL gives to everybody on every new function. Taken away before the first is made: to revoke it later would
-- alter functions that the guard watches.
alter default privileges revoke execute on functions from public;

-- Runs, and what in this database the warehouse created.
create table ledger.runs (
    run_id bigint generated always as identity primary key,
    started_at timestamptz not null default now(),
    ended_at timestamptz,
    state text not null default 'running' check (state in ('running', 'succeeded', 'failed', 'interrupted')),
    error jsonb,
    stages jsonb not null default '[]',
    transport_reason text
);

comment on table ledger.runs is
    'One row for each `warehouse run`, with the summary of its stages. transport_reason: why a connection to another '
    'machine had less than sslmode=verify-full (WAREHOUSE_TRANSPORT_REASON); null when none had.';

create table ledger.source_people (
    synthetic boolean primary key,
    noted_at timestamptz not null default now(),
    evaluation text
);

comment on table ledger.source_people is
    'Whose people the warehouse holds: synthetic ones, which the sandbox made up, or real ones; never both. evaluation: '
    'why a person lets an embedded database be used together with one that is not the sandbox''s.';

create table ledger.made_here (
    kind text not null check (kind in ('schema', 'candidate', 'table', 'role')),
    object_oid oid not null,
    name text not null,
    made_at timestamptz not null default now(),
    primary key (kind, object_oid)
);

comment on table ledger.made_here is
    'Schemas, and tables in schemas that others use as well, which the warehouse created. Nothing else is ever '
    'replaced, renamed or dropped. By oid: something that somebody else creates later under the same name is not in '
    'this table. candidate: a schema in which the next build is made and tested before readers see it. role: one of '
    'the roles of warehouse/core/roles, which belong to the whole server.';

insert into ledger.made_here (kind, object_oid, name)
select 'schema', oid, nspname from pg_namespace where nspname = 'ledger';

-- One command at a time (warehouse/core/locks.py).
create table ledger.only_run ();
create table ledger.only_delivery ();
create table ledger.only_replication ();
create table ledger.only_watch ();

comment on table ledger.only_run is 'Always empty. Whoever holds a lock on it is the one run or erasure.';
comment on table ledger.only_delivery is 'Always empty. Whoever holds a lock on it is the one that delivers.';
comment on table ledger.only_replication is
    'Always empty. Whoever holds a lock on it is the one command that works on the replica.';
comment on table ledger.only_watch is 'Always empty. Whoever holds a lock on it is the one `replicate watch`.';

-- Epochs: each life of the replication slot.
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
    end_reason text,
    replication_name text not null,
    timeline int not null,
    continues int references ledger.epochs,
    last_commit_at timestamptz
);

comment on table ledger.epochs is
    'Each life of the replication slot. The slot streams what was committed after start_lsn. The source''s snapshot at '
    'that position was taken at snapshot_at, and rows copied from it count as known from then. slot_name: each epoch '
    'has a slot of its own. state copying: the replica is not at start_lsn yet. timeline: of the source. continues: '
    'the epoch whose replica this one took over. end_lsn and last_commit_at: the last transaction that was applied.';

create unique index epochs_one_alive on ledger.epochs (replication_name) where state <> 'ended';

create table ledger.copied_tables (
    epoch_id int not null references ledger.epochs,
    table_name text not null,
    rows_copied bigint not null,
    seconds double precision not null,
    copied_at timestamptz not null default now(),
    primary key (epoch_id, table_name)
);

comment on table ledger.copied_tables is 'The initial copy, table by table, in rows.';

create table ledger.slot_positions (
    epoch_id int primary key references ledger.epochs,
    noted_at timestamptz not null default clock_timestamp(),
    confirmed_flush_lsn pg_lsn not null,
    source_lsn pg_lsn not null,
    source_xid xid8,
    timeline int not null,
    transactions bigint,
    statistics_since text,
    taken_by text,
    warehouse_server text,
    source_xmin xid8,
    undecodable text,
    source_address text,
    source_own_address text,
    source_started text
);

comment on table ledger.slot_positions is
    'What each epoch''s slot showed when it was last certain to be ours; the next look is compared with it. source_lsn '
    'and source_xid: a transaction that the source had made durable. source_xmin: every transaction of the source with '
    'a smaller number had ended by then. transactions: how many the slot had decoded, which starts at 0 again when a '
    'slot is recreated; comparable while statistics_since is the same. taken_by: another consumer has read from the '
    'slot since. undecodable: why the source cannot read the slot''s WAL any more. warehouse_server: which server, '
    'database and subscription of the warehouse applied it, and when that server was started: a data folder that is '
    'restored from a backup needs a start.';
comment on column ledger.slot_positions.source_address is
    'Host and port of TRS_DATABASE_URL, or "embedded". If a server that was started since answers at another address, '
    'nothing is applied until a person has accepted it.';
comment on column ledger.slot_positions.source_own_address is
    'The address under which that server saw our connection. A server that was started since and has another address '
    'is compared with before it is trusted.';
comment on column ledger.slot_positions.source_started is
    'When that server was started, in seconds since 1970. The same time is the same server, whatever its address.';

create table ledger.source_moves (
    source_move_id bigint generated always as identity primary key,
    epoch_id bigint not null references ledger.epochs,
    address_before text not null,
    address_now text not null,
    accepted_at timestamptz not null default clock_timestamp(),
    accepted_by text not null default session_user,
    because text not null
);

comment on table ledger.source_moves is
    'Another server of the same cluster, at another address, that a person has accepted as the source from then on.';

-- Transactions: when each was committed at the source.
create table ledger.transactions (
    xid xid8 primary key,
    epoch_id int not null references ledger.epochs,
    committed_at timestamptz not null,
    kind text not null default 'stream'
        check (kind in ('copy', 'stream', 'repair', 'backfill', 'hand', 'erasure', 'found')),
    not_before timestamptz,
    source_committed_at timestamptz
);

comment on table ledger.transactions is
    'Each transaction that brought rows: its number in the warehouse, and when it was committed at the source. '
    'PostgreSQL keeps that time only until old transactions are frozen, so it is recorded soon after. Rows of the '
    'initial copy have the time of its snapshot.';
comment on column ledger.transactions.kind is
    'What brought the rows: the first copy of a table, the stream, a repair after a gap, the back-fill of a column, a '
    'write by hand, which should not happen, or an erasure. found: not known, because PostgreSQL had forgotten it when '
    'its versions were found; it was committed after not_before and by committed_at.';
comment on column ledger.transactions.not_before is
    'Null where committed_at is exact. Otherwise the change was made at the source after not_before and by '
    'committed_at, the time of the snapshot that showed it. More is not known, and nothing is invented.';
comment on column ledger.transactions.source_committed_at is
    'What the source said, where committed_at is another time: a commit time that contradicts the order of commits, or '
    'that is in the future of the source''s own clock. Null: committed_at is what the source said.';

create table ledger.replication_position (
    epoch_id int primary key references ledger.epochs,
    stamped_up_to xid8 not null,
    row_changes bigint not null default 0,
    noted_at timestamptz not null default now()
);

comment on table ledger.replication_position is
    'Up to which transaction number ledger.transactions is complete, and how many row changes PostgreSQL had counted.';

create table ledger.clock_jumps (
    clock_jump_id bigint generated always as identity primary key,
    epoch_id int not null references ledger.epochs,
    found_at timestamptz not null default clock_timestamp(),
    kind text not null check (kind in ('ahead', 'back', 'order')),
    transactions bigint not null,
    first_xid xid8 not null,
    seconds double precision not null,
    acknowledged_at timestamptz,
    acknowledged_by text,
    because text
);

comment on table ledger.clock_jumps is
    'Commit times of the source that cannot be true, pass by pass. ahead: in the future of the source''s own clock, or '
    'of everything that was committed after it. back: before what was committed before it. order: a transaction that '
    'ended versions which by its time had not begun. seconds: by how much at most. Such transactions get the time of '
    'the one before them; what the source said is in source_committed_at.';

-- Gaps: changes that were missed, and their repair.
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
    tables text[],
    check (repaired_at is null or to_time is not null)
);

comment on table ledger.gaps is
    'Where the stream was broken. Transactions of the source after from_lsn (committed after from_time) and up to '
    'to_lsn (the snapshot of to_time) were not applied one by one: of a row that changed more than once only the last '
    'version is known, and of each change only that it was made in between. The repair wrote what differed. Where '
    'ended_epoch is new_epoch the stream was whole and rows of the replica were damaged.';
comment on column ledger.gaps.tables is
    'The tables whose changes were missed; null: every replicated table. The gap is repaired when each of them that is '
    'still replicated was compared with the source.';

create index gaps_open on ledger.gaps (new_epoch) where repaired_at is null;

create table ledger.gap_tables (
    gap_id int not null references ledger.gaps,
    table_name text not null,
    rows_compared bigint,
    rows_inserted bigint not null default 0,
    rows_updated bigint not null default 0,
    rows_deleted bigint not null default 0,
    seconds double precision not null default 0,
    carried_from timestamptz,
    primary key (gap_id, table_name)
);

comment on table ledger.gap_tables is
    'What the repair of a gap did to each table; written in the transactions that did it. rows_compared is null until '
    'the table is done.';
comment on column ledger.gap_tables.carried_from is
    'The time of the proof that the comparison relied on for rows that had not been written since; null when every row '
    'was read.';

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
    'recorded (known_lsn). Either its own stream did that around the start, or another life of the data folder did, of '
    'which a restored backup knows nothing. So replica and source were compared, at to_time. differed: they were not '
    'equal, and gap_id is the gap.';

create table ledger.sent_tables (
    table_name text primary key,
    epoch_id int not null references ledger.epochs,
    whole_at timestamptz not null
);

comment on table ledger.sent_tables is
    'When each table was last seen in the publication with every row and every kind of change, by the source''s clock. '
    'If it is missing from the publication later, changes may be missing since then.';

-- Comparisons of content between source and replica.
create table ledger.reconciliations (
    reconciliation_id bigint generated always as identity primary key,
    epoch_id int not null references ledger.epochs,
    started_at timestamptz not null,
    ended_at timestamptz not null default clock_timestamp(),
    lsn pg_lsn not null,
    snapshot_at timestamptz not null,
    result text not null check (result in ('equal', 'differs', 'incomplete')),
    left_out jsonb not null default '{}'
);

comment on table ledger.reconciliations is
    'Each finished comparison of source and replica by content. Both were read as they were at lsn, the source''s '
    'position at snapshot_at, while changes continued.';
comment on column ledger.reconciliations.left_out is
    'The tables and columns (table.column) that could not be compared, each with the reason. With any of them the '
    'result is never equal, but incomplete or differs.';

create table ledger.reconciled_tables (
    reconciliation_id bigint not null references ledger.reconciliations,
    table_name text not null,
    lsn pg_lsn not null,
    source_rows bigint not null,
    warehouse_rows bigint not null,
    ranges int not null,
    differing_ranges int not null,
    missing bigint not null,
    extra bigint not null,
    changed bigint not null,
    differing_keys jsonb not null,
    seconds double precision not null,
    primary key (reconciliation_id, table_name)
);

comment on table ledger.reconciled_tables is
    'What a comparison found in each table. lsn: later than the comparison''s for a table that was truncated or '
    'rewritten while it was compared, and was compared again. missing: rows that only the source had; extra: only the '
    'replica; changed: both, with different content. differing_keys: the first keys of each, as text; sensitive key '
    'columns as a keyed hash. No value of any other column.';

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

comment on table ledger.differences is
    'Tables that a comparison found to differ from the source. found_at: the first comparison that did, seen_at: the '
    'last. missing, extra, changed: rows that only the source has, only the replica, or both with different content. '
    'deletes_held: a repair would have deleted more rows than it may without a person''s consent, and left the table '
    'as it is. cleared_at: when a comparison of this table was equal; a comparison of another table does not clear it.';

create unique index differences_open on ledger.differences (table_name) where cleared_at is null;

create table ledger.proofs (
    schema_name text not null,
    table_name text not null,
    spec text not null,
    source_server text not null,
    source_relation text not null,
    source_xmin xid8 not null,
    warehouse_server text not null,
    warehouse_relation text not null,
    warehouse_xmin xid8 not null,
    proved_at timestamptz not null default clock_timestamp(),
    in_full_at timestamptz not null default clock_timestamp(),
    carried_from timestamptz,
    primary key (schema_name, table_name)
);

comment on table ledger.proofs is
    'The last comparison of each table after which source and replica were equal. A row of the source whose xmin is '
    'older than source_xmin, or of the replica than warehouse_xmin, was read by it as it is now. It holds while '
    'everything else is unchanged: spec is a digest of what was compared and how; a server is its system identifier '
    'and the database''s number, of the source also its timeline and when it was started (seconds since 1970); a '
    'relation is a digest of the table''s files and columns. in_full_at: when every row was last read. carried_from: '
    'the time of the proof that this one relied on for rows that had not been written since; null when every row was '
    'read.';

-- What the stream showed, what blocks it, and what people decided.
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
    'Where the stream stood at each look: rates, movement and lag in seconds are calculated from these rows. looked_at '
    'is the clock of the warehouse, source_at that of the operational database at the same moment. Kept for a week.';

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
    'Transactions that could not be applied. lsn: where the transaction ends at the source. key: of the first row that '
    'conflicts, as a keyed hash where it is sensitive; no other value of a row is ever stored. rows: how many rows the '
    'transaction changes.';

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
    'were skipped, and the keys of the first 1,000. settled_at: when a comparison with the source found these tables '
    'equal.';

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
    'Writes to the replica by anything other than the stream. rows: null for a truncate. keys: of the first 20 rows, '
    'without those of a sensitive column; xid leads to the rows. settled_at: when a comparison with the source found the table equal.';

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
                        -- No key for a hash is in the database, and without one anybody could try out whose it is.
                        case when a.attname = any(tg_argv) then $hidden$'(hidden)'$hidden$ else 'c.%I' end,
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
    'Called by an ordinary trigger of each replicated table. Such triggers do not fire for what the stream applies, so '
    'they cost it nothing; our own writers set warehouse.writer, and it does not fire for them either.';

create table ledger.settled_counters (
    epoch_id int primary key references ledger.epochs,
    update_missing bigint not null,
    delete_missing bigint not null,
    noted_at timestamptz not null default clock_timestamp()
);

comment on table ledger.settled_counters is
    'How many updates and deletes had found no row in the replica, as PostgreSQL counts them, when a comparison showed '
    'that the whole replica is equal to the source. More than that is a sign that rows are missing.';

create table ledger.marks (
    what text primary key,
    table_name text,
    mark text not null,
    noted_at timestamptz not null default clock_timestamp()
);

comment on table ledger.marks is
    'Which transaction last wrote each row of ours in the system catalogs: the publication, the subscription and its '
    'tables, the triggers and functions that keep history. Recorded at the end of each of our commands. Another mark '
    'at the beginning of the next one means that somebody else altered it, even when all looks as before.';

create table ledger.doubts (
    doubt_id bigint generated always as identity primary key,
    what text not null,
    table_name text,
    since timestamptz not null,
    found_at timestamptz not null default clock_timestamp(),
    xid xid8 not null default pg_current_xact_id(),
    settled_at timestamptz
);

comment on table ledger.doubts is
    'Something of ours was altered between since and found_at, and may have been changed back: rows may have been '
    'passed over, or versions not kept. table_name null: any table. settled_at: when a comparison found the rows '
    'equal, or a repair made them so. Versions that were not kept cannot be recovered: between these two times some '
    'may be missing.';

create index doubts_open on ledger.doubts (doubt_id) where settled_at is null;

-- The structure of the source, of the publication and of the replica.
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
    'Why a column of the replica may be null or old, for each column that was added, changed or dropped after the '
    'first copy; a column without a row is complete since then. column_name empty: the table as a whole. held: not '
    'classified yet, nothing of it is stored. adding, backfilling: not every row has its value yet; rows_filled have. '
    'complete: a null is the source''s own. released: taken out of the publication on command, so that the source can '
    'change it. retired: keeps the last values it had, nothing new arrives. removed: it was left behind or became a '
    'secret, its values were deleted.';

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

create table ledger.rules (
    table_name text not null default '',
    column_name text not null default '',
    line jsonb,
    cut text,
    is_mixed boolean not null default false,
    primary key (table_name, column_name)
);

comment on table ledger.rules is
    'The lines of replication/trs.yml as the warehouse read them last. column_name empty: what is said of the table '
    'itself; both empty: of the file; line null: it was taken out. cut: a digest of what is cut out of the column''s '
    'values in the warehouse, empty for nothing, null when none are stored by a known rule. is_mixed: values have come '
    'in by another rule since.';

create table ledger.rule_changes (
    change_id bigint generated always as identity primary key,
    table_name text not null,
    column_name text not null,
    was jsonb,
    is_now jsonb,
    file_sha256 text not null,
    noticed_at timestamptz not null default clock_timestamp(),
    rewritten_at timestamptz,
    rows_rewritten bigint,
    versions_rewritten bigint,
    followed_at timestamptz
);

comment on table ledger.rule_changes is
    'Each edit of a line of replication/trs.yml: what it said and says (never a value of a column), by which version of '
    'the file (SHA-256), and what was done. rewritten_at: replica, log and history have only what the rule allows, in so '
    'many rows and earlier versions; null where nothing had to be rewritten. followed_at: marts and delivered files have '
    'been seen to as well; null while the warehouse has not followed.';

create table ledger.rule_files (
    change_id bigint not null references ledger.rule_changes (change_id),
    delivery_id text not null,
    name text not null,
    held text not null check (held in ('here', 'by the recipient')),
    columns text[] not null,
    old_sha256 text not null,
    new_sha256 text,
    primary key (change_id, delivery_id, name)
);

comment on table ledger.rule_files is
    'Delivered files that held columns made from what a rule does not allow any more. new_sha256: the file that was kept '
    'here was rewritten without their values; null: a person has to inform the recipient.';

create table ledger.source_meanings (
    table_name text not null,
    column_name text not null default '',
    meaning jsonb not null,
    noted_at timestamptz not null default clock_timestamp(),
    doubt text,
    doubted_since timestamptz,
    doubted_in xid8,
    primary key (table_name, column_name),
    check ((doubted_since is null) = (doubt is null) and (doubted_in is null) = (doubt is null))
);

comment on table ledger.source_meanings is
    'Which table and which column of the source each replicated name meant at the last look, by the numbers that '
    'PostgreSQL gives them. column_name empty: the table. Another number is other content under the same name: a '
    'column is then back-filled, a table is in doubt. doubt: why the table''s rows are not known to be equal to the '
    'source''s, with the time and the warehouse''s transaction that wrote it; null again when a comparison found them '
    'equal, or a repair made them so.';

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
    'What migrations at the source have taken out of the publication, as its own table of releases says, recorded by '
    'the first run that saw it. columns null: the whole table. What is still out is in ledger.column_states as '
    'released.';

create table ledger.secret_scans (
    scan_id bigint generated always as identity primary key,
    started_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    rules text not null,
    reads_from xid8,
    horizon xid8 not null,
    unfinished text[] not null default '{}',
    unlisted jsonb not null default '{}'
);

comment on table ledger.secret_scans is
    'Each scan of the replica and its history for what looks like a secret. rules: by which forms and exceptions, as a '
    'digest. reads_from: only versions that began with this transaction or later; null: everything. horizon: earlier '
    'transactions had ended. unfinished: what it did not read to the end. unlisted: rows of kinds of JSON without a rule.';

create table ledger.secrets_found (
    scan_id bigint not null references ledger.secret_scans,
    table_name text not null,
    place text not null check (place in ('replica', 'log', 'history')),
    column_name text not null,
    key_path text not null,
    form text not null,
    rows bigint not null,
    primary key (scan_id, table_name, place, column_name, key_path, form)
);

comment on table ledger.secrets_found is
    'Where a scan found what looks like a secret, and what it looks like; never the value.';

-- History: its months, their seals, and what was dropped.
create table ledger.history_months (
    table_name text not null,
    month date not null,
    versions bigint not null,
    settled_at timestamptz not null default clock_timestamp(),
    primary key (table_name, month)
);

comment on table ledger.history_months is
    'Each month of a table''s history (in UTC): how many versions were settled into it, and when the last one was, by '
    'the warehouse''s clock. The retention rule counts from that time, too.';

create table ledger.history_seals (
    seal_id bigint generated always as identity primary key,
    table_name text not null,
    month date not null,
    sealed_at timestamptz not null,
    reason text not null check (
        reason in ('complete', 'late', 'erasure', 'structure', 'rule', 'retention', 'reset', 'accepted')
    ),
    because text,
    matched boolean not null,
    key_columns text[] not null,
    versions bigint,
    groups int,
    content bytea,
    fingerprint bytea,
    previous bytea,
    seal bytea not null
);

comment on table ledger.history_seals is
    'Seals of settled months, a chain for each table; rows are only ever added. content: SHA-256 over every version of '
    'the month, null when the month was dropped. fingerprint: eight bytes for each of the groups of keys, to say where '
    'a month differs; not part of the seal. seal: SHA-256 over the rest and over previous, the table''s seal before '
    'it. reason: complete: the month was over; late: versions were added afterwards; the others: what else changed it. '
    'matched: just before, the month was as its last seal says; false: somebody had altered it.';

create index history_seals_of_a_month on ledger.history_seals (table_name, month, seal_id);

create table ledger.history_breaks (
    table_name text not null,
    xid xid8 not null,
    step bigint not null,
    reason text not null,
    times boolean not null default false,
    noted_at timestamptz not null default clock_timestamp(),
    primary key (table_name, xid, times)
);

comment on table ledger.history_breaks is
    'Transactions at which a table''s versions no longer follow each other, and why: an erasure removed some of them, '
    'or a person has accepted it. step: how many more versions it ended by updates than it began. times: it is about '
    'the times of the versions that it ended, not about their chain.';

create table ledger.proved_histories (
    table_name text primary key,
    proved_at timestamptz not null default clock_timestamp(),
    mismatches int not null,
    what text
);

comment on table ledger.proved_histories is
    'The result for each table when its history was last compared with its seals and chains (`warehouse replicate '
    'reconcile --history`). A mismatch stays until a later proof finds none.';

create table ledger.apparatus (
    name text primary key,
    definition_sha256 bytea not null,
    server_version int not null
);

comment on table ledger.apparatus is
    'The views of versions as PostgreSQL stored them when they were created, and the functions that cut values out of '
    'rows (server_version 0: their text is the same on each), to see whether they were altered.';

create table ledger.kept_years (
    table_name text primary key,
    years int,
    applied_at timestamptz not null default clock_timestamp(),
    applied_by text not null default session_user
);

comment on table ledger.kept_years is
    'The retention rule by which each table''s history was last dropped; null: nothing is dropped. A rule in '
    'replication/trs.yml that keeps less is applied only by `warehouse replicate retention --apply`.';

create table ledger.dropped_history (
    table_name text not null,
    ended_from timestamptz not null,
    ended_before timestamptz not null,
    versions bigint not null,
    dropped_at timestamptz not null default clock_timestamp(),
    primary key (table_name, ended_from)
);

comment on table ledger.dropped_history is
    'Months of history that were dropped by the retention rule of replication/trs.yml. What was known at a moment '
    'before ended_before cannot be answered in full for that table any more.';

create table ledger.keys (
    name text not null,
    version int not null,
    fingerprint text not null,
    first_used timestamptz not null default clock_timestamp(),
    primary key (name, version)
);

comment on table ledger.keys is
    'Every key for pseudonyms that was used, never the key itself. fingerprint: an HMAC by the key of a fixed text, by '
    'which another key under the same name and version is refused.';

create table ledger.pseudonym_periods (
    recipient text not null,
    extract text not null,
    period text not null,
    key_name text not null,
    key_version int not null,
    primary key (recipient, extract, period)
);

comment on table ledger.pseudonym_periods is
    'The key whose pseudonyms the files of a period have. Its revisions have the same.';

-- Builds of the models.
create table ledger.builds (
    build_id bigint generated always as identity primary key,
    started_at timestamptz not null default now(),
    ended_at timestamptz,
    state text not null default 'building' check (state in ('building', 'published', 'failed')),
    as_at date not null,
    known_up_to xid8,
    project_sha256 text not null,
    nodes int,
    failed text[],
    mart_rows bigint,
    inputs jsonb not null default '{}',
    lineage jsonb,
    published_xid xid8,
    published_at timestamptz
);

comment on table ledger.builds is
    'Each build of the models. Readers have only ever seen published ones. as_at: the business date it was built for. '
    'known_up_to: the last transaction in ledger.transactions when it began. project_sha256: of the dbt project.';
comment on column ledger.builds.inputs is
    'What the build was made from, as digests: the project, dbt''s version, the business date, the rows of the replica '
    'and of its history. A run with the same inputs builds nothing.';
comment on column ledger.builds.lineage is
    'Of each column of each model, the columns that it is made of; no values. The published build has it: its '
    'deliveries check their contracts'' classes against it, and the next build reads only SQL that has changed. So have '
    'builds that deliveries were made of: a changed rule finds its columns in their files.';
comment on column ledger.builds.published_xid is
    'The transaction that wrote the build''s rows into the published tables. A row of a published table with any other '
    'xmin was written by somebody else.';

create table ledger.published_relations (
    schema_name text not null,
    relation_name text not null,
    kind text not null check (kind in ('table', 'view')),
    relation_oid oid not null,
    structure_sha256 text,
    rows bigint,
    classes jsonb not null default '{}',
    build_id bigint references ledger.builds,
    primary key (schema_name, relation_name)
);

comment on table ledger.published_relations is
    'Every table and view of the published build. structure_sha256: of its columns, or of a view''s query. rows: of a '
    'table. build_id: the build that wrote it. classes: of its columns, by their names; one that is not in it is '
    'sensitive. They decide which roles may read it.';

create table ledger.build_findings (
    build_id bigint not null references ledger.builds,
    test_name text not null,
    model_name text not null,
    column_name text,
    severity text not null check (severity in ('warning', 'failure')),
    rows bigint not null,
    found jsonb not null default '{}',
    primary key (build_id, test_name)
);

comment on table ledger.build_findings is
    'What the tests of a build found. severity failure: nothing was published. found: up to five of the rows, with '
    'keys and codes only, sensitive keys as a keyed hash; of an unknown code how many rows have it.';

-- Deliveries.
create table ledger.delivery_transitions (
    from_state text not null,
    to_state text not null,
    meaning text not null,
    primary key (from_state, to_state)
);

comment on table ledger.delivery_transitions is
    'The steps that a delivery can take; a trigger refuses every other. from_state none: the row is created.';

insert into ledger.delivery_transitions (from_state, to_state, meaning) values
    ('none', 'planned', 'the period is owed and its first attempt begins'),
    ('none', 'missed', 'the period went by without a run'),
    ('planned', 'built', 'the files are in the outbox'),
    ('built', 'checked', 'the files keep the contract'),
    ('checked', 'uploaded', 'every data file has its final name at the destination'),
    ('uploaded', 'verified', 'every data file was read back and is what was sent'),
    ('verified', 'closed', 'the manifest was written and read back: delivered'),
    ('planned', 'failed', 'an error, or the process was killed'),
    ('built', 'failed', 'an error, or the process was killed'),
    ('checked', 'failed', 'an error, or the process was killed'),
    ('uploaded', 'failed', 'an error, or the process was killed'),
    ('verified', 'failed', 'an error, or the process was killed'),
    ('failed', 'planned', 'a further attempt begins'),
    ('failed', 'verified', 'the manifest of an earlier attempt turned out to be there, and all was read back'),
    ('failed', 'missed', 'a later period is owed now, and no snapshot of this one can be made any more'),
    ('uploaded', 'vanished', 'a data file whose upload was confirmed is not to be found'),
    ('verified', 'vanished', 'the manifest whose upload was confirmed is not to be found'),
    ('failed', 'vanished', 'what an earlier attempt had sent, as was confirmed, is not to be found'),
    ('vanished', 'failed', 'a person decided that the recipient does not have the files: they are sent again'),
    ('vanished', 'verified', 'a person decided that the recipient has the files: the manifest follows');

create table ledger.deliveries (
    delivery_id text primary key,
    recipient text not null,
    extract text not null,
    period text not null check (period ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'),
    state text not null,
    attempt int not null default 1 check (attempt > 0),
    contract_version text not null,
    contract_sha256 text not null,
    contract_content_sha256 text,
    model text not null,
    build_id bigint,
    as_at date,
    destination text,
    rows bigint,
    bytes bigint,
    manifest_sha256 text,
    previous_delivery text references ledger.deliveries,
    error jsonb,
    planned_at timestamptz not null default now(),
    closed_at timestamptz,
    revision int not null default 1 check (revision > 0),
    replaces text references ledger.deliveries,
    known_up_to xid8,
    known_at timestamptz,
    synthetic boolean not null default false,
    check ((state = 'closed') = (closed_at is not null)),
    check (state <> 'closed' or (rows is not null and bytes is not null and manifest_sha256 is not null)),
    constraint deliveries_id_is_what_it_is check (
        delivery_id = recipient || '/' || extract || '/' || period
            || case when revision > 1 then '-r' || revision else '' end
    ),
    constraint deliveries_replace_another check ((revision > 1) = (replaces is not null))
);

comment on table ledger.deliveries is
    'One row for each extract and period that is or was owed, and where it stands. closed: delivered, and this row is '
    'the receipt. as_at: the business date of the snapshot. destination: the place without any password. error: why '
    'the last attempt failed, with names of rules and columns but never with values.';
comment on column ledger.deliveries.synthetic is
    'The people are the sandbox''s: nobody in the files is real. The manifest says so as well.';
comment on column ledger.deliveries.contract_content_sha256 is
    'Of all that the contract says but for its version. A contract that says something else needs another version.';
comment on column ledger.deliveries.revision is
    '1, or the number of a later one of the same period, which a person asked for; replaces is the one before.';
comment on column ledger.deliveries.known_up_to is
    'The last transaction of the replica that the build knew, and in known_at its commit time at the source.';

create table ledger.delivery_files (
    delivery_id text not null references ledger.deliveries,
    attempt int not null,
    name text not null,
    kind text not null check (kind in ('data', 'manifest')),
    partial_name text,
    rows bigint,
    bytes bigint not null,
    sha256 text not null,
    md5 text not null,
    crc32c text not null,
    uploaded_at timestamptz,
    naming_at timestamptz,
    removed_at timestamptz,
    replaced bigint not null default 0,
    formulas bigint not null default 0,
    primary key (delivery_id, attempt, name)
);

comment on table ledger.delivery_files is
    'The files of each attempt, recorded before anything of them is at the destination. name and partial_name: below '
    'the destination; a killed upload may leave the partial one behind. md5 and crc32c: in base64, as Cloud Storage '
    'states them.';
comment on column ledger.delivery_files.naming_at is
    'The upload was complete, and was about to get its name. If it then vanished, the recipient may have taken it.';
comment on column ledger.delivery_files.replaced is
    'How many control, bidi and invisible characters were replaced while the file was written.';
comment on column ledger.delivery_files.formulas is
    'How many texts of it a spreadsheet would have taken for a formula.';
comment on column ledger.delivery_files.removed_at is 'When the warehouse itself removed it, to send another one.';

create table ledger.delivery_states (
    delivery_id text not null references ledger.deliveries,
    step bigint generated always as identity,
    attempt int not null,
    from_state text not null,
    to_state text not null,
    at timestamptz not null default clock_timestamp(),
    primary key (delivery_id, step),
    foreign key (from_state, to_state) references ledger.delivery_transitions
);

comment on table ledger.delivery_states is 'Every change of state of a delivery; written by a trigger, never by hand.';

create function ledger.refuse_illegal_delivery_step() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        raise exception 'delivery %: rows of the delivery ledger are not deleted', old.delivery_id
            using errcode = 'check_violation';
    end if;
    if tg_op = 'UPDATE' and old.state in ('closed', 'missed') then
        raise exception 'delivery %: it is % and cannot be changed', old.delivery_id, old.state
            using errcode = 'check_violation';
    end if;
    if tg_op = 'UPDATE' and old.state = new.state then
        return new;
    end if;
    if not exists (
        select from ledger.delivery_transitions t
        where t.from_state = case tg_op when 'INSERT' then 'none' else old.state end and t.to_state = new.state
    ) then
        raise exception 'delivery %: a step to % is not possible here', new.delivery_id, new.state
            using errcode = 'check_violation';
    end if;
    return new;
end
$$;

create trigger a_legal_step before insert or update or delete on ledger.deliveries
    for each row execute function ledger.refuse_illegal_delivery_step();

create function ledger.record_delivery_step() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        insert into ledger.delivery_states (delivery_id, attempt, from_state, to_state)
        values (new.delivery_id, new.attempt, 'none', new.state);
    elsif old.state <> new.state then
        insert into ledger.delivery_states (delivery_id, attempt, from_state, to_state)
        values (new.delivery_id, new.attempt, old.state, new.state);
    end if;
    return null;
end
$$;

create trigger b_record_step after insert or update on ledger.deliveries
    for each row execute function ledger.record_delivery_step();

create table ledger.delivery_decisions (
    decision_id bigint generated always as identity primary key,
    delivery_id text not null references ledger.deliveries,
    decision text not null check (decision in ('redo', 'received', 'resend')),
    because text not null check (because ~ '\S'),
    decided_by text not null default session_user,
    decided_at timestamptz not null default clock_timestamp()
);

comment on table ledger.delivery_decisions is
    'What a person decided about a delivery, and why. redo: this revision is to be made of one that is closed. '
    'received, resend: of one whose files vanished. Nothing about persons: the reason is kept for good.';

-- Erasures: that they were done, never whose.
create table ledger.erasures (
    erasure_id bigint generated always as identity primary key,
    reference text,
    asked_by text not null default session_user,
    asked_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    state text not null default 'running' check (state in ('running', 'done')),
    steps jsonb not null default '[]',
    salt bytea,
    subject_digest bytea,
    checked_at timestamptz,
    returned_at timestamptz,
    returned_because text,
    check ((state = 'done') = (finished_at is not null)),
    check (state = 'running' or subject_digest is null),
    check ((salt is null) = (subject_digest is null))
);

comment on table ledger.erasures is
    'Each erasure of a person: that it was done, when, by which database user and with what effect; never whom. '
    'reference: of the request, in the words of whoever keeps the requests. steps: those that are finished, in order. '
    'salt, subject_digest: only until the rows are gone, so that the same command finds its own half-done work. '
    'checked_at: when the whole warehouse was last compared with the register. returned_at: since when it is known '
    'that the person is there again. returned_because: why a person has accepted that.';

create table ledger.erased_identifiers (
    erasure_id bigint not null references ledger.erasures,
    digest text not null,
    primary key (erasure_id, digest)
);

comment on table ledger.erased_identifiers is
    'The register by which an erased person who comes back is noticed: HMAC-SHA-256 of each identifier, with the '
    'installation''s key, which is in no database.';

create table ledger.erased_places (
    erasure_id bigint not null references ledger.erasures,
    place text not null,
    kind text not null check (kind in ('replica', 'history', 'landing', 'ledger', 'derived', 'file')),
    erased bigint not null default 0,
    emptied bigint not null default 0,
    relation oid,
    left_there boolean not null default false,
    primary key (erasure_id, place)
);

comment on table ledger.erased_places is
    'Where a person was, in rows; for files in lines and files. erased: deleted. emptied: rows about others, too, '
    'which stay without the erased person''s values. derived: tables that models or people made of the rest, which the '
    'next build makes again; left_there: one that no build of this warehouse makes: its owner has to remove the '
    'person. relation: the table, as long as it is the same one.';

create table ledger.erased_deliveries (
    erasure_id bigint not null references ledger.erasures,
    delivery_id text not null references ledger.deliveries,
    name text not null,
    held text not null check (held in ('here', 'by the recipient')),
    found text not null check (found in ('read', 'by dates')),
    old_sha256 text,
    new_sha256 text,
    old_rows bigint,
    new_rows bigint,
    rewritten_at timestamptz,
    primary key (erasure_id, delivery_id, name)
);

comment on table ledger.erased_deliveries is
    'Files of deliveries that held an erased person. here: a file that we keep; it was rewritten, and what the receipt '
    'calls old_sha256 has been new_sha256 since. by the recipient: theirs to change; they have to be informed. found: '
    'in the file, or by the dates between which the warehouse knew the person. These deliveries cannot be made again '
    'with their first SHA-256.';
