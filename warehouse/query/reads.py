"""Who still reads the views of the old names, where the server counts statements.

PostgreSQL counts reads of tables, never of views. Its extension pg_stat_statements counts statements, with their text
but without their values: what names a view of the schema is a read of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from warehouse.core.roles.relations import LEGACY

_WHERE = """
select n.nspname, pg_has_role('pg_read_all_stats', 'usage')
from pg_extension as e join pg_namespace as n on n.oid = e.extnamespace where e.extname = 'pg_stat_statements'
"""

_SINCE = "select stats_reset, dealloc from {}.pg_stat_statements_info"

# A statement that makes or describes a view is no read of it. Comments go first, and each kind by itself: in a pattern
# with a choice PostgreSQL takes as much as it can, so one comment would reach to the end of the last.
_READS = """
with statements as (
    select
        s.userid,
        s.queryid,
        s.toplevel,
        s.calls,
        regexp_replace(regexp_replace(s.query, '/\\*.*?\\*/', ' ', 'g'), '--[^\\n]*', ' ', 'g') as query
    from {schema}.pg_stat_statements as s
    where s.dbid = (select d.oid from pg_database as d where d.datname = current_database())
),

read as (
    -- A statement that names a view twice reads it once.
    select distinct s.userid, s.queryid, s.toplevel, s.calls, lower(named[1]) as view
    from statements as s cross join lateral regexp_matches(s.query, {named}, 'gi') as named
    where s.query !~* '^\\s*(create|alter|drop|comment|grant|revoke|reindex|analyze|vacuum)\\M'
)

select c.relname, r.rolname, coalesce(sum(read.calls), 0)::bigint
from pg_class as c
left join read on read.view = c.relname
left join pg_roles as r on r.oid = read.userid
where c.relnamespace = to_regnamespace({legacy}) and c.relkind = 'v'
group by c.relname, r.rolname
order by 3 desc, 1, 2
"""


@dataclass(frozen=True)
class Read:
    """How often a role has read a view; None and 0 where nobody has."""

    view: str
    role: str | None
    calls: int


@dataclass(frozen=True)
class Reads:
    """What the server has counted.

    Attributes:
        why_not: it counts nothing; in words.
        since: it counts.
        dropped: statements that it has forgotten, because it keeps the most frequent ones only.
        of_others: whether the statements of other roles could be looked at.
    """

    why_not: str | None
    since: datetime | None
    dropped: int
    of_others: bool
    reads: list[Read]


def reads(connection: psycopg.Connection, legacy: str = LEGACY) -> Reads:
    """Count the reads of each view of the old names, by role.

    A query that leaves the schema out (`search_path`) is not counted.

    Args:
        legacy: the schema that the views are in.
    """
    row = connection.execute(_WHERE).fetchone()
    if row is None:
        return _nothing("This database has no extension pg_stat_statements, so nothing counts.")
    schema, of_others = sql.Identifier(row[0]), bool(row[1])
    try:
        with connection.transaction():
            since = connection.execute(sql.SQL(_SINCE).format(schema)).fetchone()
            found = connection.execute(
                sql.SQL(_READS).format(
                    schema=schema, legacy=sql.Literal(legacy), named=sql.Literal(rf'\m{legacy}"?\s*\.\s*"?(\w+)')
                )
            ).fetchall()
    except psycopg.errors.ObjectNotInPrerequisiteState:
        return _nothing("The server does not load pg_stat_statements (shared_preload_libraries), so nothing counts.")
    assert since is not None
    return Reads(None, since[0], since[1], of_others, [Read(*one) for one in found])


def _nothing(why: str) -> Reads:
    return Reads(why, None, 0, False, [])
