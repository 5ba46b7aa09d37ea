-- Who stands out in what was delivered, by columns that say little one by one.
alter table ledger.delivery_files add column singled_out jsonb;

comment on column ledger.delivery_files.singled_out is
    'Of the first file of a table of people since it passed the gate: how many rows and people of the table are alone '
    'with their values of the columns that are named, and how many are in a small group. Never a value.';
