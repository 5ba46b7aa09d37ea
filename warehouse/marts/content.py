"""The rows of a published table become those of its candidate, and the table stays the same table.

Only rows that differ are written. Whoever began to read before sees the old rows to the end of his transaction,
because they are ordinary rows that were deleted since.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import psycopg
from psycopg import sql

from warehouse.core import builds

# A row is known by a digest of its text, within one session and so under one set of settings; the number tells equal
# rows apart. One that no build wrote equals none. The insert waits for the delete, so that a unique index never sees
# both.
_CHANGE = """
with old as (
    select o.ctid as place, d.digest, row_number() over (partition by d.digest) as number
    from only {published} as o cross join lateral (
        select case when o.xmin = any(%(ours)s::xid[]) then md5(row({old_columns})::text)::uuid end as digest
    ) as d
),

new as (
    select c.ctid as place, d.digest, row_number() over (partition by d.digest) as number
    from {candidate} as c cross join lateral (select md5(row({new_columns})::text)::uuid as digest) as d
),

differing as materialized (
    select old.place as old_place, new.place as new_place
    from old full join new on old.digest = new.digest and old.number = new.number
    where old.place is null or new.place is null
),

gone as (
    delete from only {published} as p using differing as d where p.ctid = d.old_place returning 1
),

come as (
    insert into {published} ({columns})
    select {new_columns} from {candidate} as c join differing as d on c.ctid = d.new_place
    where (select count(*) from gone) >= 0
    returning 1
)

select (select count(*) from gone), (select count(*) from come)
"""


# In a build that follows another one, most tables have the rows that they had. Digests of the rows' texts, added up,
# say so in half the time that matching rows takes: nothing is sorted or joined. The texts are hashed whole: the hash of
# a row adds those of its columns up in a way that two rows which exchange a value can cancel out. With another seed
# each time, tables that differ and add up to the same are a matter of 1 in 2^64, and not the same ones next time.
_SAME = """
select old.number = new.number and old.digest is not distinct from new.digest and old.ours
from (
    select
        count(*) as number, sum(hashtextextended(row({old_columns})::text, %(seed)s)) as digest,
        coalesce(bool_and(o.xmin = any(%(ours)s::xid[])), true) as ours
    from only {published} as o
) as old
cross join (
    select count(*) as number, sum(hashtextextended(row({new_columns})::text, %(seed)s)) as digest
    from {candidate} as c
) as new
"""


def change_rows(
    connection: psycopg.Connection, published: sql.Identifier, candidate: sql.Identifier, columns: Sequence[str]
) -> int:
    """Delete and insert what differs; returns how many rows that were. In the caller's transaction."""
    listed = [sql.Identifier(column) for column in columns]
    names = {
        "published": published,
        "candidate": candidate,
        "columns": sql.SQL(", ").join(listed),
        "old_columns": sql.SQL(", ").join(sql.SQL("o.{}").format(column) for column in listed),
        "new_columns": sql.SQL(", ").join(sql.SQL("c.{}").format(column) for column in listed),
    }
    given = {"ours": sorted(builds.writers(connection)), "seed": secrets.randbits(63)}
    if connection.execute(sql.SQL(_SAME).format(**names), given).fetchone() == (True,):
        return 0
    row = connection.execute(sql.SQL(_CHANGE).format(**names), given).fetchone()
    assert row is not None
    return int(row[0]) + int(row[1])


def copy_frozen(
    connection: psycopg.Connection, reader: psycopg.Connection, published: sql.Identifier, candidate: sql.Identifier
) -> None:
    """Fill a table that this transaction made, with rows that every reader sees as soon as it sees the table.

    Ordinary rows would not be seen by a transaction that began before: it would find the table, empty, without a word.

    Args:
        reader: another connection; one cannot read and write at once.
    """
    with (
        connection.cursor() as writing,
        reader.cursor() as reading,
        reading.copy(sql.SQL("copy {} to stdout (format binary)").format(candidate)) as source,
        writing.copy(sql.SQL("copy {} from stdin (format binary, freeze)").format(published)) as target,
    ):
        for block in source:
            target.write(block)
