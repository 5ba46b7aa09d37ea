-- What a delivered file says, whatever library wrote it.
alter table ledger.delivery_files
    add column content jsonb;

comment on column ledger.delivery_files.content is
    'Of a data file since it was made: values_sha256, the hash of its rows before a library wrote them; made_null, how '
    'many values of each column no file can hold, such as infinite dates; source, whose rows they are (the cluster''s '
    'identifier and the database). Never a value.';
