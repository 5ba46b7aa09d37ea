create table ledger.delivery_transitions (
    from_state text not null,
    to_state text not null,
    meaning text not null,
    primary key (from_state, to_state)
);

comment on table ledger.delivery_transitions is
    'The steps that a delivery can take; a trigger refuses every other. from_state none: the row is made.';

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
    ('failed', 'missed', 'a later period is owed now, and no snapshot of this one can be made any more');

create table ledger.deliveries (
    delivery_id text primary key check (delivery_id = recipient || '/' || extract || '/' || period),
    recipient text not null,
    extract text not null,
    period text not null check (period ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'),
    state text not null,
    attempt int not null default 1 check (attempt > 0),
    contract_version text not null,
    contract_sha256 text not null,
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
    check ((state = 'closed') = (closed_at is not null)),
    check (state <> 'closed' or (rows is not null and bytes is not null and manifest_sha256 is not null))
);

comment on table ledger.deliveries is
    'One row for each extract and period that is or was owed, with where it stands. closed: delivered, and this row is '
    'the receipt. as_at: the business date of the snapshot. destination: the place without any password. error: why the '
    'last attempt failed, with names of rules and columns but never with values.';

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
    primary key (delivery_id, attempt, name)
);

comment on table ledger.delivery_files is
    'The files of each attempt, written down before anything of them is at the destination. name and partial_name: below '
    'the destination; the partial one is what a killed upload may leave behind. md5 and crc32c: in base64, as Cloud '
    'Storage states them.';

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
