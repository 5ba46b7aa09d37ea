-- What makes a delivery again can tell whether rows or only their form differ.
alter table ledger.delivery_files
    add column values_sha256 text,
    add column writer text;

comment on column ledger.delivery_files.values_sha256 is
    'SHA-256 of the rows as PostgreSQL writes them (CSV without a header), in the order of the file: the same rows have '
    'the same, whichever version of a library laid them out. Null of files that were sent before it was kept.';
comment on column ledger.delivery_files.writer is
    'The library that wrote the file, with its version. Null where this program alone did.';
