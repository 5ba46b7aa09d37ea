-- A month of history that is not over yet says what was settled into it, too, and not only how much.
alter table ledger.history_months
    add column content_sum numeric;

comment on column ledger.history_months.content_sum is
    'The first eight bytes of the SHA-256 of each version that was settled into the month, as signed numbers, added up. '
    'Null for a month that was begun before this column was there.';
