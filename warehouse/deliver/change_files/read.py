"""The query that reads a table's part of a set: what began in the span, and what ended in it that began before.

Each version of a row is told once, when it began, and its end once more where it ended in a later set. So the files are
only ever added to, and all of a table is rebuilt by joining the ends to the versions.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import psycopg
from psycopg import sql

from warehouse.core.columns_of_changes import CHANGE, NOT_IN_PARQUET, PREFIX
from warehouse.core.contracts import Column, ColumnType, Kind
from warehouse.core.database import one
from warehouse.core.history_names import HISTORY, KNOWN_FROM, LOG, OPERATION
from warehouse.deliver.change_files.tables import ChangeTable, OfTable

VERSION: Final = "version"
ENDED: Final = "ended"

_TEXT, _POSITION, _EPOCH = ColumnType(Kind.STRING), ColumnType(Kind.INTEGER, 64), ColumnType(Kind.INTEGER, 32)
_MOMENT = ColumnType(Kind.TIMESTAMP_WITH_ZONE)


def _own(name: str, of: ColumnType, physical: str, description: str, *, required: bool = False) -> Column:
    return Column(name, of, physical, "open", description, required, unique=False, constraints={})


OWN: Final = (
    _own(
        CHANGE,
        _TEXT,
        "text",
        "version: a version of a row that began in this set. ended: one of an earlier set, which ended in this one.",
        required=True,
    ),
    _own(f"{PREFIX}from_position", _POSITION, "bigint", "The transaction that brought the version.", required=True),
    _own(f"{PREFIX}to_position", _POSITION, "bigint", "The transaction that ended it; null while none did."),
    _own(
        f"{PREFIX}known_from",
        _MOMENT,
        "timestamptz",
        "When the first was committed at the source. Null of an ended one.",
    ),
    _own(f"{PREFIX}known_to", _MOMENT, "timestamptz", "When the second was; null while the version is current."),
    _own(f"{PREFIX}from_after", _MOMENT, "timestamptz", "Null where known_from is exact; else it began after this."),
    _own(f"{PREFIX}to_after", _MOMENT, "timestamptz", "Null where known_to is exact; else it ended after this."),
    _own(f"{PREFIX}operation", _TEXT, "text", "What brought it: C the copy, I an insert, U an update."),
    _own(f"{PREFIX}ended_by", _TEXT, "text", "What ended it: U an update, D a delete, T a truncate."),
    _own(f"{PREFIX}epoch", _EPOCH, "integer", "The epoch of the replica in which it began."),
    _own(
        NOT_IN_PARQUET,
        _TEXT,
        "text",
        "Dates that Parquet's readers do not hold (infinite, before the year 1, after 9999), as JSON by their columns.",
    ),
)
"""The columns that each file begins with."""

_WIDEST = 1 << 30
"""A span of more transactions is not looked up by their numbers of 32 bits."""

_SLACK = timedelta(days=1)
"""So much earlier than its time in the ledger a version may have been settled: clocks are put right."""

_EARLIEST = "select min(committed_at) from ledger.transactions where xid >= %s::text::xid8"

_BOUNDS: Final = {
    Kind.DATE: ("date '0001-01-01'", "date '9999-12-31'"),
    Kind.TIMESTAMP: ("timestamp '0001-01-01'", "timestamp '9999-12-31 23:59:59.999999'"),
    Kind.TIMESTAMP_WITH_ZONE: ("timestamptz '0001-01-01 00:00:00Z'", "timestamptz '9999-12-31 23:59:59.999999Z'"),
}

_COPY = sql.SQL("""
copy (
    select
        case when v.is_version then 'version' else 'ended' end,
        v.f::text,
        case when v.t < {to}::xid8 then v.t::text end,
        {known_from},
        case when v.t < {to}::xid8 then {known_to} end,
        {from_after},
        case when v.t < {to}::xid8 then {to_after} end,
        v.operation,
        case when v.t < {to}::xid8 then v.ended_by end,
        v.epoch_id,
        case when v.is_version then {beyond} end,
        {values}
    from (
        {parts}
    ) as v
    order by {key}, v.f, v.t nulls last
) to stdout (format csv)
""")

_CURRENT = sql.SQL("""
select
    true as is_version, r.{known} as f, null::xid8 as t, began.committed_at as known_from,
    null::timestamptz as known_to, began.not_before as from_after, null::timestamptz as to_after,
    case began.kind when 'copy' then 'C' else r.{operation}::text end as operation, null::text as ended_by,
    began.epoch_id, {columns}
from {rows} as r
left join ledger.transactions as began on began.xid = r.{known} and {in_span}
where r.{known} < {to}::xid8 and {in_rows}
""")

_IN_LOG = sql.SQL("""
select
    true, (l.version).{known}, l.known_to_xid, began.committed_at, ended.committed_at, began.not_before,
    ended.not_before, case began.kind when 'copy' then 'C' else (l.version).{operation}::text end,
    l.ended_by::text, began.epoch_id, {columns}
from {log} as l
left join ledger.transactions as began on began.xid = (l.version).{known} and {in_span}
left join ledger.transactions as ended on ended.xid = l.known_to_xid and {in_span_ended}
where (l.version).{known} < {to}::xid8 and {in_log}
""")

_ENDED_IN_LOG = sql.SQL("""
select
    false, (l.version).{known}, l.known_to_xid, null, ended.committed_at, null, ended.not_before, null,
    l.ended_by::text, null, {columns}
from {log} as l
left join ledger.transactions as ended on ended.xid = l.known_to_xid and {in_span_ended}
where l.known_to_xid >= {first} and l.known_to_xid < {to}::xid8 and (l.version).{known} < {first}
""")
"""Of a version in the log each column is looked for from the row's start, so of one that ended its key alone is."""

_IN_HISTORY = sql.SQL("""
select
    {is_version}, h.from_xid, h.to_xid, {known_from}, h.known_to, {began_after}, h.ended_after, {operation},
    h.ended_by::text, {epoch_id}, {columns}
from {history} as h
where {in_history}
""")


def columns_of(table: ChangeTable) -> tuple[Column, ...]:
    """The columns of a table's file, in their order. Of an ended version only the key is told again."""
    return (*OWN, *(one.column for one in table.columns))


def copy_of(connection: psycopg.Connection, schema: str, table: ChangeTable, to_position: int) -> sql.Composed:
    """The COPY of a table's part of a set that ends before a position: rows of CSV, in an order of their own.

    Args:
        schema: of the replica's tables.
    """
    to, since = sql.Literal(str(to_position)), table.from_position
    first = sql.SQL("{}::xid8").format(sql.Literal(str(since)))
    names = [one.column.name for one in table.columns]

    def from_the_first(began: str) -> sql.Composable:
        return sql.SQL("true") if since is None else sql.SQL("{} >= {}").format(sql.SQL(began), first)

    def of_log(name: str) -> sql.Composable:
        return sql.SQL("(l.version).{}").format(sql.Identifier(name))

    known = sql.SQL("(l.version).{}").format(sql.Identifier(KNOWN_FROM))
    is_new = sql.SQL("h.from_xid >= {}").format(first) if since is not None else sql.SQL("true")

    def if_new(value: str) -> sql.Composable:
        return sql.SQL("case when {} then {} end").format(is_new, sql.SQL(value))

    common = {
        "to": to,
        "first": first,
        "known": sql.Identifier(KNOWN_FROM),
        "operation": sql.Identifier(OPERATION),
        "log": sql.Identifier(HISTORY, f"{table.name}{LOG}"),
        "in_span": from_the_first("began.xid"),
        "in_span_ended": from_the_first("ended.xid"),
    }
    parts = [
        _CURRENT.format(
            **common,
            columns=_list("r", names),
            rows=_rows(sql.Identifier(schema, table.name), names, since, to_position),
            in_rows=from_the_first(f"r.{KNOWN_FROM}"),
        ),
        _IN_LOG.format(
            **common,
            columns=sql.SQL(", ").join(map(of_log, names)),
            in_log=sql.SQL("true") if since is None else sql.SQL("{} >= {}").format(known, first),
        ),
        _IN_HISTORY.format(
            columns=_list("h", names),
            history=sql.Identifier(HISTORY, table.name),
            is_version=is_new,
            known_from=if_new("h.known_from"),
            began_after=if_new("h.began_after"),
            operation=if_new("h.operation::text"),
            epoch_id=if_new("h.epoch_id"),
            in_history=_new_settled(connection, since, to),
        ),
    ]
    if since is not None:
        kept = [of_log(name) if name in table.key else sql.SQL("null") for name in names]
        parts.append(_ENDED_IN_LOG.format(**common, columns=sql.SQL(", ").join(kept)))
    return _COPY.format(
        to=to,
        parts=sql.SQL(" union all ").join(parts),
        beyond=_beyond(table.columns),
        values=sql.SQL(", ").join(_value(one, table.key, since) for one in table.columns),
        key=sql.SQL(", ").join(_order(one) for one in _key(table)),
        **{name: _moment(sql.Identifier("v", name)) for name in ("known_from", "known_to", "from_after", "to_after")},
    )


def _key(table: ChangeTable) -> list[OfTable]:
    found = {one.column.name: one for one in table.columns}
    return [found[name] for name in table.key]


def _list(alias: str, names: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(alias, name) for name in names)


def _rows(current: sql.Identifier, names: list[str], since: int | None, to_position: int) -> sql.Composable:
    """The current rows among which those of the span are. Their physical xmin is asked first, and by itself.

    A row's xmin is its transaction's number or a later one (of a subtransaction, or of a rewrite of the table). It
    stands before the row, the number itself at its end: PostgreSQL would ask for the second first, as comparing two
    numbers costs it less than a function does, and take every row of the table apart. `offset 0` keeps the two apart.
    """
    if since is None or to_position - since > _WIDEST:
        return current
    return sql.SQL("(select {}, c.{}, c.{} from {} as c where age(c.xmin) <= (select age({}::xid)) offset 0)").format(
        _list("c", names),
        sql.Identifier(KNOWN_FROM),
        sql.Identifier(OPERATION),
        current,
        sql.Literal(str(since % 2**32)),
    )


def _new(began: sql.Composable, ended: str, since: int | None, to: sql.Literal) -> sql.Composed:
    whole = sql.SQL("{} < {}::xid8").format(began, to)
    if since is None:
        return sql.Composed([whole])
    return sql.SQL("{whole} and {t} >= {first}::xid8 and ({began} >= {first}::xid8 or {t} < {to}::xid8)").format(
        whole=whole,
        t=sql.SQL(ended),
        first=sql.Literal(str(since)),
        began=began,
        to=to,
    )


def _new_settled(connection: psycopg.Connection, since: int | None, to: sql.Literal) -> sql.Composed:
    """The same of the settled history, whose months from before the span are left alone."""
    new = _new(sql.SQL("h.from_xid"), "h.to_xid", since, to)
    if since is None:
        return new
    earliest: datetime | None = one(connection, _EARLIEST, (str(since),))[0]
    if earliest is None:
        return sql.Composed([sql.SQL("false")])
    return sql.SQL("{} and h.known_to >= {}").format(new, sql.Literal(earliest - _SLACK))


def _value(of: OfTable, key: tuple[str, ...], since: int | None) -> sql.Composable:
    name = sql.Identifier("v", of.column.name)
    shown: sql.Composable = name
    if of.has_bounds:
        inside = sql.SQL("case when {} then {} end").format(_is_inside(of), name)
        shown = inside if of.column.type.kind is Kind.DATE else _moment(inside)
    elif of.column.type.kind in (Kind.STRING, Kind.BOOLEAN):
        shown = sql.SQL("{}::text").format(name)
    if since is None or of.column.name in key:
        return shown
    return sql.SQL("case when v.is_version then {} end").format(shown)


def _is_inside(of: OfTable) -> sql.Composed:
    low, high = _BOUNDS[of.column.type.kind]
    return sql.SQL("{} between {} and {}").format(
        sql.Identifier("v", of.column.name),
        sql.SQL(low),
        sql.SQL(high),
    )


def _beyond(columns: tuple[OfTable, ...]) -> sql.Composable:
    """What no file can hold, by its column; null where there is none, as almost always."""
    bounded = [one for one in columns if one.has_bounds]
    if not bounded:
        return sql.SQL("null::text")
    any_outside = sql.SQL(" or ").join(sql.SQL("not {}").format(_is_inside(one)) for one in bounded)
    pairs = sql.SQL(", ").join(
        sql.SQL("{}, case when not {} then {}::text end").format(
            sql.Literal(one.column.name), _is_inside(one), sql.Identifier("v", one.column.name)
        )
        for one in bounded
    )
    return sql.SQL("case when {} then jsonb_strip_nulls(jsonb_build_object({}))::text end").format(any_outside, pairs)


def _moment(value: sql.Composable) -> sql.Composed:
    # ISO 8601 wants a T, and Z for what the session's time zone, UTC, prints as +00.
    return sql.SQL("replace(replace(({})::text, ' ', 'T'), '+00', 'Z')").format(value)


def _order(of: OfTable) -> sql.Composed:
    name = sql.Identifier("v", of.column.name)
    if of.column.type.kind is Kind.STRING and of.found != "uuid":
        # Byte order, so that the order does not depend on the server's locale.
        return sql.SQL('{}::text collate "C"').format(name)
    return sql.SQL("{}").format(name)
