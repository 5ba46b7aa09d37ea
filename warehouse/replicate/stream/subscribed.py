"""Whether the subscription still is what we made: what it reads, from which slot, and which tables it applies.

PostgreSQL goes on with whatever a subscription has been altered to. With another publication, another slot, another
origin or a position to skip, changes are passed over without a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from warehouse.core.errors import SubscriptionAltered
from warehouse.replicate.ledger.epochs import Epoch
from warehouse.replicate.link import Ends
from warehouse.replicate.stream import subscription

READY = "r"
"""The state of a table whose changes the stream applies; in every other one PostgreSQL copies it, or is about to."""

_OPTIONS: dict[str, tuple[str, Any, str, bool]] = {
    "suborigin": ("origin", "any", "it leaves out what came to the source from elsewhere", True),
    "subdisableonerr": ("disable_on_error", True, "it does not stay off after an error", False),
    "substream": ("streaming", "on", "it does not take large transactions as they come", False),
    "subbinary": ("binary", False, "values travel in binary", False),
    "subrunasowner": ("run_as_owner", False, "it writes as its owner", False),
    "subsynccommit": ("synchronous_commit", "off", "it waits for every commit", False),
}
"""Columns of pg_subscription: the option, what it is with us, what another value means, and whether rows are missed."""

_SAME = {("substream", "t"): "on", ("substream", True): "on"}
"""A column's value where it is not the option's word."""

_READ = """
select to_jsonb(x) from (select {columns} from pg_subscription
where subname = %s and subdbid = (select oid from pg_database where datname = current_database())) as x
"""

_TABLES = """
select n.nspname, c.relname, r.srsubstate::text from pg_subscription_rel as r
join pg_subscription as s on s.oid = r.srsubid
join pg_class as c on c.oid = r.srrelid join pg_namespace as n on n.oid = c.relnamespace
where s.subname = %s and s.subdbid = (select oid from pg_database where datname = current_database())
"""

_DECIDED = """
select exists (
    select from ledger.skipped_transactions where epoch_id = %s and lsn = %s::pg_lsn and state = 'decided'
)
"""


@dataclass(frozen=True)
class Altered:
    """One thing of the subscription that is not as we made it.

    Attributes:
        what: as a clause, without a value of anything but names and positions.
        column: of pg_subscription.
        loses: changes may have been passed over, so that a comparison has to show what is missing.
    """

    what: str
    column: str
    loses: bool


@dataclass(frozen=True)
class Subscription:
    """The subscription as it is now, but for the address and its password.

    Attributes:
        columns: of pg_subscription, those that this version has.
        skip_is_ours: the position that it skips was decided by `warehouse replicate skip`.
    """

    columns: Mapping[str, Any] = field(default_factory=dict)
    skip_is_ours: bool = False


def read(warehouse: psycopg.Connection, epoch: Epoch) -> Subscription | None:
    """The subscription of an epoch, None when there is none. Asks for nothing that only a superuser may read."""
    names = warehouse.execute(
        "select attname from pg_attribute where attrelid = 'pg_subscription'::regclass and attnum > 0"
        " and not attisdropped and attname not in ('subconninfo', 'subwalrcvtimeout')"
    ).fetchall()
    query = sql.SQL(_READ).format(columns=sql.SQL(", ").join(sql.Identifier(name) for (name,) in names))
    row = warehouse.execute(query, (epoch.replication_name,)).fetchone()
    if row is None:
        return None
    decided = warehouse.execute(_DECIDED, (epoch.epoch_id, row[0]["subskiplsn"])).fetchone()
    return Subscription(row[0], bool(decided and decided[0]))


def tables(warehouse: psycopg.Connection, name: str, schema: str) -> dict[str, str]:
    """The tables of a schema that the subscription knows, each with its state (READY: its changes are applied)."""
    rows = warehouse.execute(_TABLES, (name,)).fetchall()
    return {table: state for place, table, state in rows if place == schema}


def alterations(now: Subscription | None, epoch: Epoch) -> list[Altered]:
    """What is not as it was made; nothing when there is no subscription, which is told as such elsewhere."""
    if now is None:
        return []
    columns, told = now.columns, []
    if columns["subpublications"] != [epoch.replication_name]:
        told.append(Altered(f"it reads {', '.join(columns['subpublications'])}", "subpublications", loses=True))
    if columns["subslotname"] != epoch.slot_name:
        told.append(
            Altered(f"it reads from the slot {columns['subslotname']}, not {epoch.slot_name}", "subslotname", True)
        )
    if columns["subskiplsn"] not in (None, "0/0") and not now.skip_is_ours:
        what = f"it is to skip the transaction at {columns['subskiplsn']}, which nobody has decided with this program"
        told.append(Altered(what, "subskiplsn", loses=False))
    for column, (_, ours, what, loses) in _OPTIONS.items():
        value = columns.get(column, ours)
        if _SAME.get((column, value), value) != ours:
            told.append(Altered(what, column, loses))
    return told


def set_right(warehouse: psycopg.Connection, epoch: Epoch, altered: Iterable[Altered]) -> None:
    """Make the subscription what it was. Its stream is stopped, and whoever calls this enables it again."""
    name = sql.Identifier(epoch.replication_name)
    subscription.stop(warehouse, epoch.replication_name)
    statements: list[sql.Composed] = []
    for one in altered:
        if one.column == "subpublications":
            statements.append(
                sql.SQL("alter subscription {} set publication {} with (refresh = false)").format(name, name)
            )
        elif one.column == "subslotname":
            slot = sql.Literal(epoch.slot_name)
            statements.append(sql.SQL("alter subscription {} set (slot_name = {})").format(name, slot))
        elif one.column == "subskiplsn":
            statements.append(sql.SQL("alter subscription {} skip (lsn = none)").format(name))
        else:
            option, ours, _, _ = _OPTIONS[one.column]
            statements.append(
                sql.SQL("alter subscription {} set ({} = {})").format(name, sql.SQL(option), sql.Literal(ours))
            )
    with warehouse.transaction():
        for statement in statements:
            warehouse.execute(statement)


def copying_again(ends: Ends) -> list[str]:
    """Whole tables that PostgreSQL is set to copy: the first row of the copy is there already, and stops the stream.

    Not those that we have it copy: these are in ledger.column_states as such.
    """
    found = [table for table, state in tables(ends.warehouse, ends.name, ends.schema).items() if state != READY]
    ours = ends.warehouse.execute(
        "select table_name from ledger.column_states where column_name = '' and state = 'copying'"
    ).fetchall()
    return sorted(set(found) - {table for (table,) in ours})


def as_error(names: Sequence[str]) -> SubscriptionAltered:
    """The error for tables that are copied a second time."""
    some = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return SubscriptionAltered(
        f"The subscription is set to copy {some} once more, into rows that are there already.",
        meaning="The copy fails at its first row and stops the whole stream. Somebody has refreshed the subscription "
        "by hand with copy_data. The rows of the replica stay; its changes are missing since the table left the "
        "publication.",
        next_command="`warehouse replicate repair`: it makes the subscription new, compares, and writes what differs.",
    )


def gone() -> SubscriptionAltered:
    """The error for a subscription that somebody dropped: how far it had come went with it."""
    return SubscriptionAltered(
        "The warehouse has no subscription any more: somebody dropped it.",
        meaning="Nothing new arrives. How far the stream had come was noted in the subscription alone.",
        next_command="`warehouse replicate repair`: it makes the subscription new, compares, and writes what differs.",
    )
