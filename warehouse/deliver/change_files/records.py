"""What the ledger has of sets of change files. No other module reads or writes ledger.change_sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from warehouse.core.contracts import Contract
from warehouse.core.database import one_as
from warehouse.deliver.edition import ChangeSet
from warehouse.deliver.states import State

_SELECT = """
select
    s.delivery_id, s.series, s.number, s.begins, s.from_position::text::bigint, s.to_position::text::bigint,
    s.epoch_id, s.known_at, s.erasures, s.rules_followed, coalesce(s.facts, '{}') as facts, d.destination,
    d.contract_content_sha256 as content_sha256
from ledger.change_sets as s join ledger.deliveries as d using (delivery_id)
"""
_OF_CONTRACT = "where d.recipient = %s and d.extract = %s and d.state = 'closed'"
_LAST = f"{_SELECT} {_OF_CONTRACT} order by s.series desc, s.number desc limit 1"
_CLOSED_BEFORE = """
select d.delivery_id from ledger.deliveries as d join ledger.change_sets as s using (delivery_id)
where d.recipient = %s and d.extract = %s and d.state = 'closed' and s.series < %s
order by s.series, s.number
"""
_UNFINISHED = """
select delivery_id, state from ledger.deliveries
where recipient = %s and extract = %s and state not in ('closed', 'missed') order by planned_at, delivery_id
"""
_BEGIN = """
insert into ledger.change_sets (
    delivery_id, series, number, begins, from_position, to_position, epoch_id, known_at, erasures, rules_followed
) values (
    %(delivery_id)s, %(series)s, %(number)s, %(begins)s, %(from_position)s::text::xid8, %(to_position)s::text::xid8,
    %(epoch_id)s, %(known_at)s, %(erasures)s, %(rules_followed)s
)
-- A further attempt spans what the first one did.
on conflict (delivery_id) do nothing
"""


@dataclass(frozen=True)
class Span:
    """What a set spans, and how the warehouse stood when it was planned.

    Attributes:
        begins: why its series begins with it; None for a set that continues one.
        from_position: the first transaction of the warehouse that it tells of; None where it begins a series.
        to_position: the first one that it does not tell of.
        epoch_id: of the replica.
        known_at: when the last transaction before to_position was committed at the source.
        erasures, rules_followed: how many were done.
    """

    begins: str | None
    from_position: int | None
    to_position: int
    epoch_id: int
    known_at: datetime
    erasures: int
    rules_followed: int


@dataclass(frozen=True)
class Recorded(Span):
    """A row of ledger.change_sets, with its delivery's.

    Attributes:
        facts: tables, columns and gaps, as facts.py has them; empty before its files were made.
        content_sha256: of what the contract said.
    """

    delivery_id: str = ""
    series: str = ""
    number: int = 1
    facts: Mapping[str, Any] = field(default_factory=dict)
    destination: str | None = None
    content_sha256: str | None = None


def begin(connection: psycopg.Connection, edition: ChangeSet, span: Span) -> Recorded:
    """Write down what a set spans; one that was begun before spans what it did then."""
    values = {
        "delivery_id": edition.delivery_id,
        "series": edition.series,
        "number": edition.number,
        "begins": span.begins,
        "from_position": span.from_position,
        "to_position": span.to_position,
        "epoch_id": span.epoch_id,
        "known_at": span.known_at,
        "erasures": span.erasures,
        "rules_followed": span.rules_followed,
    }
    connection.execute(_BEGIN, values)
    return recorded(connection, edition)


def describe(connection: psycopg.Connection, edition: ChangeSet, facts: Mapping[str, Any]) -> None:
    """Write down what its files hold, before anything of them is anywhere else."""
    connection.execute(
        "update ledger.change_sets set facts = %s where delivery_id = %s", (Jsonb(dict(facts)), edition.delivery_id)
    )


def recorded(connection: psycopg.Connection, edition: ChangeSet) -> Recorded:
    """A set that was begun."""
    return one_as(connection, Recorded, f"{_SELECT} where s.delivery_id = %s", (edition.delivery_id,))


def find(connection: psycopg.Connection, edition: ChangeSet) -> Recorded | None:
    """A set, if it was begun."""
    return _first(connection, f"{_SELECT} where s.delivery_id = %s", (edition.delivery_id,))


def last_closed(connection: psycopg.Connection, contract: Contract) -> Recorded | None:
    """The last set that was delivered; None before the first."""
    return _first(connection, _LAST, contract.key)


def delivered_before(connection: psycopg.Connection, edition: ChangeSet) -> list[str]:
    """The sets of earlier series, which a series that begins replaces."""
    rows = connection.execute(_CLOSED_BEFORE, (*edition.contract.key, edition.series))
    return [row[0] for row in rows]


def unfinished(connection: psycopg.Connection, contract: Contract) -> list[tuple[str, State]]:
    """The deliveries of a contract that were begun and not finished, the oldest first."""
    return [(name, State(state)) for name, state in connection.execute(_UNFINISHED, contract.key)]


def _first(connection: psycopg.Connection, query: str, values: tuple[Any, ...]) -> Recorded | None:
    with connection.cursor(row_factory=class_row(Recorded)) as cursor:
        return cursor.execute(query.encode(), values).fetchone()
