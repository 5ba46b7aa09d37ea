-- Sets of change files: each begins exactly where the last one ended.
alter table ledger.deliveries
    drop constraint deliveries_period_check,
    add constraint deliveries_period_check check (
        period ~ '^[0-9]{4}-(0[1-9]|1[0-2])(-[0-9]{2}(--[0-9]{4}-(0[1-9]|1[0-2])-[0-9]{2})?)?$'
        or period ~ '^[0-9]{8}T[0-9]{6}Z-[0-9]{6}$'
    );

create table ledger.change_sets (
    delivery_id text primary key references ledger.deliveries,
    series text not null,
    number int not null check (number > 0),
    begins text,
    from_position xid8,
    to_position xid8 not null,
    epoch_id int not null references ledger.epochs,
    known_at timestamptz not null,
    erasures bigint not null,
    rules_followed bigint not null,
    facts jsonb,
    check ((number = 1) = (from_position is null)),
    check ((number = 1) = (begins is not null))
);

comment on table ledger.change_sets is
    'What each set of change files spans: transactions of the warehouse from from_position on and before to_position, '
    'where the next set of the series begins. begins: why a series begins with a complete copy. epoch_id, erasures, '
    'rules_followed: how the replica, the erasures and the changed rules stood; where one of them is another, the next '
    'set begins a series. known_at: when the last transaction before to_position was committed at the source. facts: '
    'the tables, their columns and the gaps, as the manifest tells them; names and numbers, never a value of a column.';
