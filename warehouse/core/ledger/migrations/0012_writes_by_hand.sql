-- A write by hand keeps its time here: the engine forgets a transaction's time when old rows are frozen.
alter table ledger.transactions drop constraint transactions_kind_check;
alter table ledger.transactions add constraint transactions_kind_check
    check (kind in ('copy', 'stream', 'repair', 'backfill', 'hand'));

comment on column ledger.transactions.kind is
    'What brought the rows: the first copy of a table, the stream, a repair after a gap, the back-fill of a column, or a '
    'write by hand, which should not be.';
