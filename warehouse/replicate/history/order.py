"""Put the times of a pass in an order that can be true: see times.py. What the source said is kept as well."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import LiteralString

import psycopg
from psycopg import sql

from warehouse.core.database import one
from warehouse.replicate.catalog.clocks import TOLERANCE
from warehouse.replicate.catalog.names import HISTORY, KNOWN_FROM
from warehouse.replicate.history import times, transactions
from warehouse.replicate.history.tables import key_of, log_of, logged
from warehouse.replicate.link import Ends

BOUNDARY = timedelta(milliseconds=100)
"""By how much a time has to contradict those of an earlier pass for the history to be looked through. Sessions that
have nothing to do with each other may be out of order by less; two that change one row never are, by a right clock."""

_SUSPICIOUS = """
select
    coalesce(bool_or(at > %(latest)s + %(tolerance)s or at < earlier - %(tolerance)s), false),
    bool_or(kind <> 'stream'),
    min(at),
    array_agg(xid::text) filter (where at < earlier),
    array_agg(xid::text) filter (where at > later)
from (
    select
        xid,
        committed_at as at,
        kind,
        greatest(%(certain)s, max(committed_at) over (order by xid rows between unbounded preceding and 1 preceding))
            as earlier,
        min(committed_at) over (order by xid rows between 1 following and unbounded following) as later
    from ledger.transactions
    where xid >= %(first)s::text::xid8 and xid < %(next)s::text::xid8
) as t
"""

_STREAMED = """
select xid::text::bigint, committed_at from ledger.transactions
where xid >= %(first)s::text::xid8 and xid < %(next)s::text::xid8 and kind = 'stream' and source_committed_at is null
order by xid
"""

_PLACED = sql.SQL("""
select m.number::text::xid8 as xid, m.at from unnest(%(xids)s::bigint[], %(times)s::timestamptz[]) as m (number, at)
""")

_NOTE = """
insert into ledger.clock_jumps (epoch_id, kind, transactions, first_xid, seconds)
values (%s, %s, %s, %s::text::xid8, %s)
"""

_STEPS_OF_A_ROW = """
select (l.version).{known_from} as first, l.known_to_xid as second from {log} as l
where %(early)s::text[] is null or l.known_to_xid = any(%(early)s::text[]::xid8[])
"""

_STEPS_OF_A_KEY = """
select ended.xid as first, begun.xid as second
from (
    select l.known_to_xid as xid, {key_of_log} from {log} as l
    where %(late)s::text[] is null or l.known_to_xid = any(%(late)s::text[]::xid8[])
    union all
    select h.to_xid, {key_of_history} from {history} as h where h.known_to > %(since)s::timestamptz
) as ended
join (
    select r.{known_from} as xid, {key_of_row} from {current} as r
    union all
    select (l.version).{known_from}, {key_of_log} from {log} as l
) as begun on {same_key} and begun.xid > ended.xid
"""

_LATE = sql.SQL("""
select s.second as xid, max(f.committed_at) as at
from ({steps}) as s
join ledger.transactions as f on f.xid = s.first
join ledger.transactions as t on t.xid = s.second
where t.committed_at < f.committed_at
    and (t.xid >= %(begin)s::text::xid8 or t.xid = any(%(found)s::text[]::xid8[]))
group by s.second
""")


def put_right(ends: Ends, span: times.Span, found: Sequence[int]) -> int:
    """Replace times of a pass that cannot be true, before anything is settled by them; returns how many.

    First those that contradict the order of the stream by more than clocks do by themselves; then those by which a
    version would end before it began, or two versions of a key would be known at once, however little it is.

    Args:
        found: numbers of other transactions that got their time in this pass.
    """
    connection, certain = ends.warehouse, span.certain
    within = {
        "first": span.first,
        "next": span.next,
        "certain": certain,
        "latest": span.latest,
        "tolerance": TOLERANCE,
    }
    contradicts, others, earliest, early, late = one(connection, _SUSPICIOUS, within)
    jumps: list[times.Jump] = []
    moved: set[int] = set()
    if contradicts:
        streamed = connection.execute(_STREAMED, within).fetchall()
        changed, jumps = times.placed(streamed, span.before, span.latest)
        transactions.move(connection, _PLACED, {"xids": list(changed), "times": list(changed.values())})
        moved |= set(changed)
    if contradicts or early or others or found:
        # Transactions of our own have numbers that say less: with one of them among it, every step is looked at.
        every = contradicts or others or bool(found)
        behind = certain is not None and earliest is not None and earliest < certain - BOUNDARY
        limits = {
            "early": None if every else early,
            "late": None if every else (late or []),
            "since": earliest if behind else None,
        }
        raised = _in_order(connection, ends.schema, list(ends.published), span.first, found, limits)
        # Those that were placed already are reported as such.
        raised = {xid: seconds for xid, seconds in raised.items() if xid not in moved}
        if raised:
            jumps.append(times.Jump("order", len(raised), min(raised), max(raised.values())))
        moved |= set(raised)
    for jump in jumps:
        connection.execute(_NOTE, (ends.epoch.epoch_id, jump.kind, jump.transactions, jump.first_xid, jump.seconds))
    return len(moved)


def _in_order(
    connection: psycopg.Connection,
    schema: str,
    tables: Sequence[str],
    begin: int,
    found: Sequence[int],
    limits: dict[str, object],
) -> dict[int, float]:
    """Raise times until none is earlier than that of a transaction which certainly came before; how far each was."""
    here = logged(connection, schema, tables)
    if not here:
        return {}
    steps = [step for table in here for step in _steps(connection, schema, table)]
    late = _LATE.format(steps=sql.SQL(" union all ").join(steps))
    raised: dict[int, float] = {}
    while True:
        now = transactions.move(connection, late, {"begin": begin, "found": list(map(str, found)), **limits})
        if not now:
            return raised
        raised |= now
        # One that was raised may be later than others now.
        limits = {**limits, "early": None, "late": None}


def _steps(connection: psycopg.Connection, schema: str, table: str) -> list[sql.Composed]:
    log, known_from = log_of(table), sql.Identifier(KNOWN_FROM)
    steps = [sql.SQL(_STEPS_OF_A_ROW).format(known_from=known_from, log=log)]
    key = key_of(connection, schema, table)
    if key:

        def listed(form: LiteralString) -> sql.Composed:
            return sql.SQL(", ").join(
                sql.SQL(form + " as {}").format(sql.Identifier(name), sql.Identifier(f"k{n}"))
                for n, name in enumerate(key)
            )

        steps.append(
            sql.SQL(_STEPS_OF_A_KEY).format(
                key_of_log=listed("(l.version).{}"),
                key_of_history=listed("h.{}"),
                key_of_row=listed("r.{}"),
                known_from=known_from,
                log=log,
                history=sql.Identifier(HISTORY, table),
                current=sql.Identifier(schema, table),
                same_key=sql.SQL(" and ").join(
                    sql.SQL("begun.{0} = ended.{0}").format(sql.Identifier(f"k{n}")) for n in range(len(key))
                ),
            )
        )
    return steps
