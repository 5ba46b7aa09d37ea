-- What a delivered file says, whatever library wrote it, and which one did.
alter table ledger.delivery_files
    add column content jsonb,
    add column writer text;

comment on column ledger.delivery_files.content is
    'Of a data file since it was made: values_sha256, the hash of its rows before a library wrote them; made_null, how '
    'many values of each column no file can hold, such as infinite dates; source, whose rows they are (the cluster''s '
    'identifier and the database). Never a value.';
comment on column ledger.delivery_files.writer is
    'The library that wrote the file, with its version. Null where this program alone did.';
