"""The subscription of this database. PostgreSQL lists those of all databases of the server, also others of its name."""

from __future__ import annotations

from typing import Any, LiteralString

import psycopg
from psycopg import sql

NUMBER = sql.SQL("""(
    select oid from pg_subscription
    where subname = %(name)s and subdbid = (select oid from pg_database where datname = current_database())
)""")
"""Its number, by its name."""

_SAID = sql.SQL("select {} from pg_subscription where oid = {}")
_COUNTED = sql.SQL("select {} from pg_stat_subscription_stats where subid = {}")


def read(warehouse: psycopg.Connection, name: str, what: LiteralString) -> tuple[Any, ...] | None:
    """What pg_subscription says of it; None when there is none."""
    return warehouse.execute(_SAID.format(sql.SQL(what), NUMBER), {"name": name}).fetchone()


def counted(warehouse: psycopg.Connection, name: str, what: LiteralString) -> tuple[Any, ...] | None:
    """What pg_stat_subscription_stats counts of it; None when there is none."""
    return warehouse.execute(_COUNTED.format(sql.SQL(what), NUMBER), {"name": name}).fetchone()
