-- People who were erased: that it was done, never who.
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
    check ((state = 'done') = (finished_at is not null)),
    check (state = 'running' or subject_digest is null),
    check ((salt is null) = (subject_digest is null))
);

comment on table ledger.erasures is
    'Each erasure of a person: that it was done, when, by which database user and with what effect; never whom. '
    'reference: of the request, in the words of whoever keeps the requests. steps: those that are finished, in order. '
    'salt, subject_digest: only until the rows are gone, so that the same command finds its own half-done work.';

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
    'Where a person was, in rows; for files in lines and files. erased: gone. emptied: rows about others, too, which '
    'stay without their part of it. derived: tables that models or people made of the rest, which the next build makes '
    'anew; left_there: one that no build of this warehouse makes, so that its owner has to see to it. relation: the '
    'table, as long as it is the same one.';

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
    'calls old_sha256 has new_sha256 since. by the recipient: theirs to change; they have to be told. found: in the '
    'file, or by the dates between which the warehouse knew the person. These deliveries cannot be made again with '
    'their first SHA-256.';
