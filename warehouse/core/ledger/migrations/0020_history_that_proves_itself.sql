-- Times that hold, transactions that nobody noted, seals of settled months, and the rule by which history was dropped.
alter table ledger.transactions add column source_committed_at timestamptz;

comment on column ledger.transactions.source_committed_at is
    'What the source said, where committed_at is another time: a commit time that cannot be true in the order in which '
    'transactions were committed, or that lies in the future of the source''s own clock. Null: committed_at is it.';

alter table ledger.transactions drop constraint transactions_kind_check;
alter table ledger.transactions add constraint transactions_kind_check
    check (kind in ('copy', 'stream', 'repair', 'backfill', 'hand', 'erasure', 'found'));

comment on column ledger.transactions.kind is
    'What brought the rows: the first copy of a table, the stream, a repair after a gap, the back-fill of a column, a '
    'write by hand, which should not be, or an erasure. found: nobody knows, because PostgreSQL had forgotten it when its '
    'versions were found; it lies after not_before and by committed_at.';

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
    'Commit times of the source that could not be true, pass by pass. ahead: in the future of the source''s own clock, or '
    'of all that was committed after it. back: before what was committed before it. order: a transaction that ended '
    'versions which by its time had not begun. seconds: by how much at most. Such transactions have the time of the one '
    'before them, and what the source said is in source_committed_at.';

create table ledger.sent_tables (
    table_name text primary key,
    epoch_id int not null references ledger.epochs,
    whole_at timestamptz not null
);

comment on table ledger.sent_tables is
    'When each table was last seen to be in the publication, with every row and every kind of change; by the source''s '
    'clock. If it is found out of it later, changes may be missing since then.';

create table ledger.history_months (
    table_name text not null,
    month date not null,
    versions bigint not null,
    settled_at timestamptz not null default clock_timestamp(),
    primary key (table_name, month)
);

comment on table ledger.history_months is
    'Each month of a table''s history (in UTC): how many versions were settled into it, and when the last one was, by the '
    'warehouse''s clock. The retention rule counts from there, too.';

create table ledger.history_seals (
    seal_id bigint generated always as identity primary key,
    table_name text not null,
    month date not null,
    sealed_at timestamptz not null,
    reason text not null check (reason in ('complete', 'late', 'erasure', 'structure', 'retention', 'reset', 'accepted')),
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
    'a month differs; no part of the seal. seal: SHA-256 over the rest and over previous, the table''s seal before it. reason: '
    'complete: the month was over; late: versions came into it afterwards; the others: what else changed it. matched: '
    'just before, the month was as the seal before had it; where it is false, somebody had altered it until then.';

create index history_seals_of_a_month on ledger.history_seals (table_name, month, seal_id);

create table ledger.kept_years (
    table_name text primary key,
    years int,
    applied_at timestamptz not null default clock_timestamp(),
    applied_by text not null default session_user
);

comment on table ledger.kept_years is
    'The retention rule by which each table''s history was last dropped; null: nothing is dropped. A rule in '
    'replication/trs.yml that keeps less is applied only by `warehouse replicate retention --apply`.';

create table ledger.apparatus (
    name text primary key,
    definition_sha256 bytea not null,
    server_version int not null
);

comment on table ledger.apparatus is
    'The views of versions as PostgreSQL showed them when they were made, to see that they still are.';

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
    'Transactions at which a table''s versions do not follow each other any more, and why: an erasure took some of them, '
    'or a person has accepted it. step: by how many versions more it ended by updates than it began. '
    'times: it is about the times of the versions that it ended, not about their chain.';

create table ledger.proved_histories (
    table_name text primary key,
    proved_at timestamptz not null default clock_timestamp(),
    mismatches int not null,
    what text
);

comment on table ledger.proved_histories is
    'How each table''s history was found when it was last held against its seals and chains (`warehouse replicate '
    'reconcile --history`). A mismatch stays until a later proof finds none.';
