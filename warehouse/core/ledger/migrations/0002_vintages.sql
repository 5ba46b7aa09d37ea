-- Vintages: builds of what was known at an earlier moment, under schemas of their own.
alter table ledger.builds
    add column vintage text,
    add column known_at timestamptz,
    add column made jsonb not null default '{}',
    drop constraint builds_state_check,
    add constraint builds_state_check check (state in ('building', 'published', 'failed', 'kept', 'dropped')),
    add constraint builds_vintage_check check (
        (vintage is null or known_at is not null) and (vintage is not null or state not in ('kept', 'dropped'))
    );

create unique index on ledger.builds (vintage) where state in ('building', 'kept', 'failed');

comment on column ledger.builds.vintage is
    'The name of a vintage, which is kept under schemas of its own and never published; null for a build of what is known '
    'now. kept: it can be read. dropped: its tables are gone.';
comment on column ledger.builds.known_at is
    'The moment: every row is as the warehouse knew it then. Of a vintage the one that was asked for, otherwise the commit '
    'time of the transaction known_up_to.';
comment on column ledger.builds.made is
    'Of a vintage, its tables and views ("schema.name"), each with the columns that tell its rows apart.';

alter table ledger.made_here
    drop constraint made_here_kind_check,
    add constraint made_here_kind_check check (kind in ('schema', 'candidate', 'vintage', 'table', 'role'));

comment on table ledger.made_here is
    'Schemas, and tables in schemas that others use as well, which the warehouse created. Nothing else is ever '
    'replaced, renamed or dropped. By oid: something that somebody else creates later under the same name is not in '
    'this table. candidate: a schema in which the next build is made and tested before readers see it. vintage: a schema '
    'of a vintage. role: one of the roles of warehouse/core/roles, which belong to the whole server.';
