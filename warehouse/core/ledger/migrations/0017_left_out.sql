-- What a comparison left out is on record: it is not called equal.
alter table ledger.reconciliations drop constraint reconciliations_result_check;
alter table ledger.reconciliations add constraint reconciliations_result_check
    check (result in ('equal', 'differs', 'incomplete'));
alter table ledger.reconciliations add column left_out jsonb not null default '{}';

comment on column ledger.reconciliations.left_out is
    'The tables and columns (table.column) that could not be compared, each with why. With any of them the result is '
    'not equal but incomplete, or differs.';
