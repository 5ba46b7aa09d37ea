"""What a build is made from, as digests: with the same inputs there is nothing to build."""

from __future__ import annotations

import hashlib
import uuid
from datetime import date
from importlib.metadata import version
from pathlib import Path

import psycopg

from warehouse.core.settings import PROJECT

_PROJECT_PARTS = ("dbt_project.yml", "models", "seeds", "macros", "tests")

# The server counts the rows written to each table, whoever writes them: the stream, a repair, a back-fill, retention,
# an erasure, somebody by hand. The numbers of table and file change when it is made again or truncated, the columns
# when one comes with a default. The counters begin at 0 after a crash, hence the time of their reset.
_ROWS = """
select
    n.nspname, c.relname, c.oid::bigint, pg_relation_filenode(c.oid)::bigint,
    pg_stat_get_tuples_inserted(c.oid), pg_stat_get_tuples_updated(c.oid), pg_stat_get_tuples_deleted(c.oid),
    array(
        select format('%s %s %s', a.attname, a.atttypid, a.attmissingval)
        from pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0
        order by a.attnum
    )
from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and (
    n.nspname in ('public', 'history')
    or n.nspname = 'ledger'
    and c.relname in ('gaps', 'gap_tables', 'column_states', 'transactions', 'dropped_history')
)
order by 1, 2
"""
_COUNTED_SINCE = """
select
    (select stats_reset::text from pg_stat_database where datname = current_database()),
    (select stats_reset::text from pg_stat_bgwriter)
"""
_LAST = """
select t.xid::text, (select count(*) from ledger.transactions)
from ledger.transactions as t
order by t.xid desc
limit 1
"""
_VIEWS = """
select n.nspname, c.relname, r.ev_action::text
from pg_rewrite as r join pg_class as c on c.oid = r.ev_class join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = 'versions'
order by 1, 2
"""


def read(connection: psycopg.Connection, today: date) -> dict[str, str]:
    """All that decides what a build comes to. Rows that were written by hand in the last seconds may not count yet."""
    row = connection.execute("select current_setting('track_counts')::boolean").fetchone()
    counted = bool(row and row[0])
    rows = [connection.execute(query.encode()).fetchall() for query in (_COUNTED_SINCE, _ROWS, _LAST, _VIEWS)]
    return {
        "project": project_sha256(),
        "dbt": f"{version('dbt-core')}, {version('dbt-postgres')}",
        "as_at": today.isoformat(),
        "server": str(connection.info.server_version),
        # A server that does not count is taken to have changed.
        "rows": hashlib.sha256(repr(rows).encode()).hexdigest() if counted else str(uuid.uuid4()),
    }


def project_sha256(project: Path = PROJECT) -> str:
    """A digest of everything that decides what dbt builds."""
    digest = hashlib.sha256()
    for part in _PROJECT_PARTS:
        top = project / part
        files = [top] if top.is_file() else sorted(top.rglob("*"))
        for file in files:
            if file.suffix in (".sql", ".yml", ".csv", ".md"):
                digest.update(str(file.relative_to(project)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def known_up_to(connection: psycopg.Connection) -> str | None:
    """The last transaction; xid8 orders as a number, and its text would not ("913" after "1269")."""
    row = connection.execute(_LAST).fetchone()
    return str(row[0]) if row else None
