"""The record of erasures: that it was done, never whom it was about."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from warehouse.core.database import one
from warehouse.erase.rows import Found
from warehouse.erase.subject import Subject

FILES, TRACES, ROWS, MARTS, STORAGE = "files", "traces", "rows", "marts", "storage"
STEPS = (FILES, TRACES, ROWS, MARTS, STORAGE)
_RUNNING = """
select erasure_id, salt, subject_digest, steps from ledger.erasures
where state = 'running' and subject_digest is not null order by erasure_id
"""
_WITHOUT_ROWS = """
select erasure_id, steps from ledger.erasures where state = 'running' and subject_digest is null
order by erasure_id
"""
_OTHERS = """
select erasure_id from ledger.erasures where state = 'running' and erasure_id is distinct from %s
order by erasure_id
"""
_NOTE = """
insert into ledger.erased_places as p (erasure_id, place, kind, erased, emptied, relation)
values (%s, %s, %s, %s, %s, %s)
on conflict (erasure_id, place) do update
set erased = greatest(p.erased, excluded.erased), emptied = greatest(p.emptied, excluded.emptied),
    relation = excluded.relation
"""
_STEP_DONE = """
update ledger.erasures
set steps = steps || %s,
    salt = case when %s then null else salt end,
    subject_digest = case when %s then null else subject_digest end
where erasure_id = %s
"""
_STAMP = """
update ledger.erasures set steps = jsonb_set(steps, '{-1,at}', to_jsonb(clock_timestamp()))
where erasure_id = %s
"""
_PLACES = """
select place, kind, erased, emptied, left_there from ledger.erased_places where erasure_id = %s
order by kind, place
"""
_DELIVERIES = """
select e.delivery_id, e.name, d.destination, e.held, e.found, e.old_sha256, e.new_sha256
from ledger.erased_deliveries as e join ledger.deliveries as d using (delivery_id)
where e.erasure_id = %s order by e.delivery_id, e.name
"""
_BEGIN = """
insert into ledger.erasures (reference, salt, subject_digest) values (%s, %s, %s) returning erasure_id
"""


@dataclass(frozen=True)
class Record:
    """An erasure that is under way.

    Attributes:
        done: its finished steps.
    """

    erasure_id: int
    done: frozenset[str]


def begin(connection: psycopg.Connection, subject: Subject, reference: str | None) -> Record:
    """The record of this person's erasure: the one that was interrupted, or a new one."""
    running = connection.execute(_RUNNING).fetchall()
    for erasure_id, salt, digest, steps in running:
        if subject.digest(bytes(salt)) == bytes(digest):
            return Record(erasure_id, frozenset(step["step"] for step in steps))
    salt = secrets.token_bytes(32)
    (erasure_id,) = one(connection, _BEGIN, (reference, salt, subject.digest(salt)))
    return Record(int(erasure_id), frozenset())


def without_rows(connection: psycopg.Connection) -> list[Record]:
    """Erasures whose rows are gone and that were interrupted after that: what is left of them needs no identity."""
    rows = connection.execute(_WITHOUT_ROWS).fetchall()
    return [Record(erasure_id, frozenset(step["step"] for step in steps)) for erasure_id, steps in rows]


def others_running(connection: psycopg.Connection, besides: int | None) -> list[int]:
    """Erasures of other people that were interrupted before their rows were gone."""
    rows = connection.execute(_OTHERS, (besides,))
    return [int(row[0]) for row in rows]


def note(connection: psycopg.Connection, erasure_id: int, places: Iterable[Found]) -> None:
    """Write down where the person was; a place that is noted again has the sum."""
    for found in places:
        connection.execute(_NOTE, (erasure_id, found.place, found.kind, found.theirs, found.shared, found.relation))


def step_done(connection: psycopg.Connection, erasure_id: int, step: str) -> None:
    """Write down that a step is finished. After the rows, nothing says any more whose erasure this is."""
    connection.execute(_STEP_DONE, (Jsonb([{"step": step}]), step == ROWS, step == ROWS, erasure_id))
    connection.execute(_STAMP, (erasure_id,))


def finish(connection: psycopg.Connection, erasure_id: int) -> None:
    """Write down that nothing is left to do."""
    connection.execute(
        "update ledger.erasures set state = 'done', finished_at = clock_timestamp() where erasure_id = %s",
        (erasure_id,),
    )


def places(connection: psycopg.Connection, erasure_id: int) -> list[dict[str, Any]]:
    """Where the person was, as noted."""
    rows = connection.execute(_PLACES, (erasure_id,)).fetchall()
    return [
        {"place": place, "kind": kind, "erased": erased, "emptied": emptied, "left_there": left}
        for place, kind, erased, emptied, left in rows
    ]


def deliveries(connection: psycopg.Connection, erasure_id: int) -> list[dict[str, Any]]:
    """Files of deliveries that held the person, as noted."""
    rows = connection.execute(_DELIVERIES, (erasure_id,)).fetchall()
    names = ("delivery", "file", "destination", "held", "found", "old_sha256", "new_sha256")
    return [dict(zip(names, row, strict=True)) for row in rows]
