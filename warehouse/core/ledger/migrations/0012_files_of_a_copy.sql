-- Which files a table of the source had before PostgreSQL copied it: a program that is killed meanwhile does not know.
alter table ledger.source_meanings
    add column files bigint,
    add constraint source_meanings_files_of_a_table check (files is null or column_name = '');

comment on column ledger.source_meanings.files is
    'Of a table that came after the first copy: the number of its files at the source before PostgreSQL copied it. '
    'Another number after the copy: the source rewrote the table meanwhile, and its rows are in doubt.';
