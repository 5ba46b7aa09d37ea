-- A period may be days, and a file may have a fixed width.
alter table ledger.deliveries
    drop constraint deliveries_period_check,
    add constraint deliveries_period_check check (
        period ~ '^[0-9]{4}-(0[1-9]|1[0-2])(-[0-9]{2}(--[0-9]{4}-(0[1-9]|1[0-2])-[0-9]{2})?)?$'
    );

alter table ledger.delivery_files
    add column fitting jsonb;

comment on column ledger.delivery_files.fitting is
    'Of a file of fixed width: how many values of each column were cut, how many had characters that the code page has '
    'not got, and how many rows were set aside, by the rule. Never a value.';
