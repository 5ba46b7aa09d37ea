"""The retention rule of replication/trs.yml: months of history that are past it are dropped, and that is recorded.

A month goes when its last moment, and the time at which its last version was settled, are both past the rule: a commit
time that is wrong puts a version into an old month, and must not end it. A rule that keeps less than the one last
applied may be a slip of the pen, and waits until a person has said `warehouse replicate retention --apply`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql

from warehouse.core.database import one
from warehouse.core.keep import Keep
from warehouse.replicate.catalog.names import HISTORY
from warehouse.replicate.classification import Classification
from warehouse.replicate.history import seals
from warehouse.replicate.history.months import Month, month_after, months_of
from warehouse.replicate.ledger.epochs import Epoch


@dataclass(frozen=True)
class Expired:
    """A month of a table's history whose time is over.

    Attributes:
        month: its first moment, in UTC.
        versions: how many versions ended in it.
    """

    table: str
    partition: str
    month: datetime
    versions: int


@dataclass(frozen=True)
class Lowered:
    """A table of which the file keeps less than what was applied last."""

    table: str
    applied: Keep
    wanted: Keep


_SETTLED_AT = "select settled_at from ledger.history_months where table_name = %s and month = %s"

_LAST_COMMIT = """
select max(t.committed_at) from (
    select committed_at from ledger.transactions where epoch_id = %s and kind = 'stream' order by xid desc limit 1000
) as t
"""

_DROPPED = """
insert into ledger.dropped_history as d (table_name, ended_from, ended_before, versions) values (%s, %s, %s, %s)
on conflict (table_name, ended_from) do update
set versions = d.versions + excluded.versions, dropped_at = clock_timestamp()
"""

_RULES = """
select table_name, years, days from ledger.kept_years where coalesce(years, days) is not null order by table_name
"""

_TAKE_UP = """
insert into ledger.kept_years as k (table_name, years, days) select t.name, t.years, t.days
from unnest(%(tables)s::text[], %(years)s::int[], %(days)s::int[]) as t (name, years, days)
on conflict (table_name) do update
set years = excluded.years, days = excluded.days, applied_at = clock_timestamp(), applied_by = session_user
where (k.years, k.days) is distinct from (excluded.years, excluded.days)
    and (
        %(all)s
        or coalesce(excluded.days, excluded.years) is null
        or coalesce(excluded.days, floor(excluded.years * 365.25)) >= coalesce(k.days, floor(k.years * 365.25))
    )
"""

_LOWERED = """
select k.table_name, k.years, k.days, t.years, t.days
from unnest(%(tables)s::text[], %(years)s::int[], %(days)s::int[]) as t (name, years, days)
join ledger.kept_years as k on k.table_name = t.name
where coalesce(t.days, floor(t.years * 365.25)) < coalesce(k.days, floor(k.years * 365.25), 'infinity')
order by k.table_name
"""


def now(connection: psycopg.Connection, source: psycopg.Connection) -> datetime:
    """The moment that a rule is counted back from: the earlier of both servers' clocks, so that one may be wrong."""
    earlier: datetime = min(one(side, "select clock_timestamp()")[0] for side in (connection, source))
    return earlier


def settled_up_to(connection: psycopg.Connection, epoch: Epoch) -> datetime | None:
    """The moment before which everything that was committed at the source has been settled; None: nothing was."""
    found: datetime | None = one(connection, _LAST_COMMIT, (epoch.epoch_id,))[0]
    return found


def rules(connection: psycopg.Connection) -> dict[str, Keep]:
    """The rule that is applied: each table with how long its superseded versions are kept."""
    rows = connection.execute(_RULES).fetchall()
    return {table: Keep(years, days) for table, years, days in rows}


def take_up(
    connection: psycopg.Connection, classification: Classification, *, all_of_it: bool = False
) -> list[Lowered]:
    """Apply the file's rule from now on where it keeps as much as before, or more; returns where it keeps less.

    Args:
        all_of_it: a person has said that it is to be applied where it keeps less, too.
    """
    connection.execute(_TAKE_UP, {**_wanted(classification), "all": all_of_it})
    return lowered(connection, classification)


def lowered(connection: psycopg.Connection, classification: Classification) -> list[Lowered]:
    """Where the file keeps less than what was applied last. Only reads."""
    rows = connection.execute(_LOWERED, _wanted(classification)).fetchall()
    return [Lowered(table, Keep(*rule[:2]), Keep(*rule[2:])) for table, *rule in rows]


def _wanted(classification: Classification) -> dict[str, list[Any]]:
    tables = list(classification.published)
    kept = [classification.kept.get(table, Keep()) for table in tables]
    return {"tables": tables, "years": [one.years for one in kept], "days": [one.days for one in kept]}


def expired(connection: psycopg.Connection, kept: Mapping[str, Keep], now: datetime) -> list[Expired]:
    """The partitions whose every version ended, and was settled, longer ago than is to be kept.

    Args:
        kept: each table with how long its superseded versions are kept.
        now: the moment that it is counted back from.
    """
    found = []
    for table, rule in kept.items():
        horizon = rule.horizon(now)
        for month in months_of(connection, table):
            if month_after(month.begins) <= horizon and _settled_at(connection, month) <= horizon:
                found.append(Expired(table, month.partition, month.begins, seals.count(connection, month)))
    return found


def apply_retention(connection: psycopg.Connection, kept: Mapping[str, Keep], now: datetime) -> list[Expired]:
    """Drop what has expired and write down that it was there: an answer from before is known to be incomplete."""
    dropped = expired(connection, kept, now)
    for past in dropped:
        with connection.transaction():
            seals.dropped(connection, past.table, past.month.date(), "retention")
            connection.execute(_DROPPED, (past.table, past.month, month_after(past.month), past.versions))
            connection.execute(sql.SQL("drop table {}").format(sql.Identifier(HISTORY, past.partition)))
    return dropped


def drop_all(connection: psycopg.Connection, table: str, because: str) -> None:
    """Drop every month of a table that is not replicated any more; recorded, and sealed, as what expires is."""
    for month in months_of(connection, table):
        versions = seals.count(connection, month)
        seals.dropped(connection, table, month.month, "rule", because)
        connection.execute(_DROPPED, (table, month.begins, month_after(month.begins), versions))
        connection.execute(sql.SQL("drop table {}").format(sql.Identifier(HISTORY, month.partition)))


def _settled_at(connection: psycopg.Connection, month: Month) -> datetime:
    """When the last version was settled into a month; of an empty one, its own last moment."""
    row = connection.execute(_SETTLED_AT, (month.table, month.begins.date())).fetchone()
    settled: datetime = row[0] if row else month_after(month.begins)
    return settled.astimezone(UTC)
