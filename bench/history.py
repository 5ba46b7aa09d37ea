"""What was true on a day, as known at a moment against as known now: of all rows of a table and of a tenth of them."""

from __future__ import annotations

import psycopg
from psycopg import sql
from warehouse.replicate.history.functions import as_at_query

from bench.measure import Aim, Figure, timing
from warehouse.core.databases import Databases
from warehouse.core.progress import Progress

MOST = 3.0
_DAY = "current_date - 30"
_PART = """
create temp table qualifications_part as
select * from versions.qualifications where hashtext(qualification_id::text) % 10 = 0
"""


def as_at(databases: Databases, progress: Progress) -> list[Figure]:
    """Ask of the routes and qualifications, all and a tenth of them: the one with dates and without in one table."""
    figures = []
    with databases.warehouse() as connection:
        connection.execute(_PART)
        connection.execute("analyze qualifications_part")
        for what, relation in (
            ("a tenth of the qualifications", "pg_temp.qualifications_part"),
            ("qualifications", "versions.qualifications"),
        ):
            progress.say(f"asking {what}")
            now = _figure(connection, f"{what} as at a day", relation, "'infinity'::timestamptz")
            then = _figure(connection, f"{what} as at a day, as known at a moment", relation, "now()")
            ratio = then.seconds / now.seconds
            aim = Aim("of the time without a moment", ratio, "at most", MOST)
            figures += [now, Figure("as_at", then.what, then.seconds, then.rows, ratio, now.what, (aim,))]
    return figures


def _figure(connection: psycopg.Connection, what: str, relation: str, known_at: str) -> Figure:
    query = as_at_query(relation, "qualifications", _DAY, known_at)
    counted = sql.SQL("select count(*) from ({}) as answer").format(sql.SQL(query))
    with timing() as watch:
        row = connection.execute(counted).fetchone()
    return Figure("as_at", what, watch.seconds, int(row[0]) if row else 0)
