-- Who was in which delivery, by keyed digests.
create table ledger.delivered_identifiers (
    digest bigint primary key,
    number int not null generated always as identity
);

comment on table ledger.delivered_identifiers is
    'Each identifier that was ever delivered. digest: the first 64 bits of its HMAC-SHA-256 by the installation''s key, '
    'which is in no database. number: its place in ledger.delivered_people; never given twice. An erasure deletes the '
    'rows of the person: their numbers are then nobody''s.';

create table ledger.delivery_indexes (
    delivery_id text not null references ledger.deliveries,
    attempt int not null,
    kinds text[] not null,
    identifiers bigint not null,
    unsearchable text,
    made_at timestamptz not null default clock_timestamp(),
    primary key (delivery_id, attempt)
);

comment on table ledger.delivery_indexes is
    'Attempts at deliveries whose files were looked through for whom they hold. kinds: of identifiers that the files '
    'have. unsearchable: why it is not known whom they hold.';

create table ledger.delivered_people (
    block int not null,
    delivery_id text not null,
    attempt int not null,
    bits bytea,
    few smallint[],
    primary key (block, delivery_id, attempt),
    foreign key (delivery_id, attempt) references ledger.delivery_indexes,
    check (num_nonnulls(bits, few) = 1)
);

comment on table ledger.delivered_people is
    'Which numbers of ledger.delivered_identifiers an attempt''s files hold, 8192 of them in a block: a bit for each, '
    'or, where they are few, a list.';

-- What an erasure knows of a delivery whose files it cannot read.
alter table ledger.erased_deliveries
    drop constraint erased_deliveries_found_check,
    add constraint erased_deliveries_found_check check (found in ('read', 'by the index', 'by dates'));
