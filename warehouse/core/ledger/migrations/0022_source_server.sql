-- Which server the source was when the stream was last seen in order: a copy of its disk has the same identity.
alter table ledger.slot_positions add column source_address text;
alter table ledger.slot_positions add column source_own_address text;
alter table ledger.slot_positions add column source_started text;

comment on column ledger.slot_positions.source_address is
    'Host and port of TRS_DATABASE_URL, or "embedded". With another one, at which a server answers that was started '
    'since, nothing is applied until a person has accepted it.';
comment on column ledger.slot_positions.source_own_address is
    'The address under which that server saw our connection. Another one, of a server that was started since, is '
    'compared with before it is trusted.';
comment on column ledger.slot_positions.source_started is
    'Since when that server runs, in seconds since 1970. The same one is the same server, whatever its address.';

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
    'Another server of the same cluster at another address, which a person has said to be the source from here on.';
