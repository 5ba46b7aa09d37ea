-- What the source's names meant when it was last looked: a name may come to mean something else without a change of rows.
create table ledger.source_meanings (
    table_name text not null,
    column_name text not null default '',
    meaning jsonb not null,
    noted_at timestamptz not null default clock_timestamp(),
    doubt text,
    doubted_since timestamptz,
    doubted_in xid8,
    primary key (table_name, column_name),
    check ((doubted_since is null) = (doubt is null) and (doubted_in is null) = (doubt is null))
);

comment on table ledger.source_meanings is
    'Which table and which column of the source each replicated name meant at the last look, by the numbers that '
    'PostgreSQL gives them. column_name empty: the table. Another number is another content under the same name: a '
    'column is back-filled then, a table is doubted. doubt: why the table''s rows are not known to be equal to the '
    'source''s, with the time and the transaction here that wrote it; null again when a comparison has found, or a '
    'repair has made, them equal.';
