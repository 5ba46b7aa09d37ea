"""What was true on a day, as known at a moment against as known now: of all rows of a table and of a tenth of them."""

from __future__ import annotations

from statistics import median

import psycopg
from psycopg import sql

from bench.measure import Aim, Figure, each_run, timing
from warehouse.core.databases import Databases
from warehouse.core.progress import Progress
from warehouse.replicate.history_functions import as_at_query

MOST = 3.0
ROUNDS = 3

# Each row was corrected every 15 days for two months; the day lies within, and the moment after it.
_VERSIONS = 4
_DAY = "current_date - 30"
_MOMENT = "now() - interval '20 days'"
_REPLACED = {
    "known_from": "now() - interval '60 days' + interval '15 days' * (n.version - 1)",
    "known_to": "case when n.version < {last} then now() - interval '60 days' + interval '15 days' * n.version end",
    "operation": """case when n.version = 1 then v.operation else 'U'::"char" end""",
    "ended_by": """case when n.version < {last} then 'U'::"char" end""",
}
_COLUMNS = """
select a.attname::text from pg_attribute as a
where a.attrelid = 'versions.qualifications'::regclass and a.attnum > 0 and not a.attisdropped
order by a.attnum
"""
_MANY = """
create temp table {table} as
select {columns}
from versions.qualifications as v cross join generate_series(1, {last}) as n (version)
where abs(hashtext(v.qualification_id::text)) % {part} = 0
"""


def as_at(databases: Databases, progress: Progress) -> list[Figure]:
    """Ask of the routes and qualifications, all and a tenth of them: the one with dates and without in one table."""
    figures = []
    with databases.warehouse() as connection:
        for what, part in (("a tenth of the qualifications", 10), ("qualifications", 1)):
            progress.say(f"asking {what}")
            table = f"qualifications_{part}"
            _make(connection, table, part)
            now = _figure(connection, f"{what} as at a day", table, "'infinity'::timestamptz")
            then = _figure(connection, f"{what} as at a day, as known at a moment", table, _MOMENT)
            ratio = then.seconds / now.seconds
            aim = Aim("of the time without a moment", ratio, "at most", MOST)
            figures += [now, Figure("as_at", then.what, then.seconds, then.rows, ratio, now.what, (aim,), then.more)]
    return figures


def _make(connection: psycopg.Connection, table: str, part: int) -> None:
    columns = [
        sql.SQL("{} as {}").format(
            sql.SQL(_REPLACED[name]).format(last=sql.Literal(_VERSIONS))
            if name in _REPLACED
            else sql.Identifier("v", name),
            sql.Identifier(name),
        )
        for (name,) in connection.execute(_COLUMNS)
    ]
    place = sql.Identifier(table)
    connection.execute(
        sql.SQL(_MANY).format(
            table=place, columns=sql.SQL(", ").join(columns), last=sql.Literal(_VERSIONS), part=sql.Literal(part)
        )
    )
    connection.execute(sql.SQL("analyze {}").format(place))


def _figure(connection: psycopg.Connection, what: str, table: str, known_at: str) -> Figure:
    query = as_at_query(f"pg_temp.{table}", "qualifications", _DAY, known_at)
    counted = sql.SQL("select count(*) from ({}) as answer").format(sql.SQL(query))
    seconds, rows = list[float](), 0
    for _ in range(ROUNDS):
        with timing() as watch:
            row = connection.execute(counted).fetchone()
        seconds.append(watch.seconds)
        rows = int(row[0]) if row else 0
    return Figure("as_at", what, median(seconds), rows, more=each_run(seconds))
