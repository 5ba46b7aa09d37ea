-- What a person decides about a delivery, revisions of closed ones, and files that a receiver takes away.
alter table ledger.deliveries add column revision int not null default 1 check (revision > 0);
alter table ledger.deliveries add column replaces text references ledger.deliveries;
alter table ledger.deliveries add column known_up_to xid8;
alter table ledger.deliveries add column known_at timestamptz;

do $$
declare named text;
begin
    select conname into strict named
    from pg_constraint
    where conrelid = 'ledger.deliveries'::regclass and contype = 'c'
        and pg_get_constraintdef(oid) like '%recipient%extract%period%';
    execute format('alter table ledger.deliveries drop constraint %I', named);
end $$;

alter table ledger.deliveries add constraint deliveries_id_is_what_it_is check (
    delivery_id = recipient || '/' || extract || '/' || period
        || case when revision > 1 then '-r' || revision else '' end
);
alter table ledger.deliveries add constraint deliveries_replace_another check ((revision > 1) = (replaces is not null));

comment on column ledger.deliveries.revision is
    '1, or the number of a later one of the same period, which a person asked for; replaces is the one before.';
comment on column ledger.deliveries.known_up_to is
    'The last transaction of the replica that the build knew, and in known_at its commit time at the source.';

insert into ledger.delivery_transitions (from_state, to_state, meaning) values
    ('uploaded', 'vanished', 'a data file whose upload was confirmed is not to be found'),
    ('verified', 'vanished', 'the manifest whose upload was confirmed is not to be found'),
    ('failed', 'vanished', 'what an earlier attempt had sent, as was confirmed, is not to be found'),
    ('vanished', 'failed', 'a person decided that the recipient does not have the files: the next run sends them again'),
    ('vanished', 'verified', 'a person decided that the recipient has the files: the manifest follows');

alter table ledger.delivery_files add column naming_at timestamptz;
alter table ledger.delivery_files add column removed_at timestamptz;

comment on column ledger.delivery_files.naming_at is
    'The upload was whole, and was about to get its name. Later without a trace: the recipient may have it.';
comment on column ledger.delivery_files.removed_at is 'When the warehouse itself took it away, to send another one.';

create table ledger.delivery_decisions (
    decision_id bigint generated always as identity primary key,
    delivery_id text not null references ledger.deliveries,
    decision text not null check (decision in ('redo', 'received', 'resend')),
    because text not null check (because ~ '\S'),
    decided_by text not null default session_user,
    decided_at timestamptz not null default clock_timestamp()
);

comment on table ledger.delivery_decisions is
    'What a person decided about a delivery, and why. redo: this revision is to be made of one that is closed. received, '
    'resend: of one whose files vanished. Not about persons: the reason is kept for good.';
