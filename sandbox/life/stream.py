"""Steady load: valid writes on persons, qualifications, employments and events, at a rate or flat out."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from random import Random
from threading import Event
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from sandbox.domain.codes import MqStatus
from sandbox.domain.numbers import postcode
from sandbox.life import chance as luck
from sandbox.life import clock, names, people
from sandbox.life.scene import Row, delete_statement, insert_statement, legacy_row, update_statement
from sandbox.life.specialisms import SPECIALISMS

DEFAULT_MIX: Mapping[str, float] = {
    "persons.update": 25,
    "persons.insert": 2,
    "persons.delete": 1,
    "qualifications.insert": 8,
    "qualifications.update": 8,
    "qualifications.delete": 4,
    "tps_employments.insert": 8,
    "tps_employments.update": 15,
    "tps_employments.delete": 4,
    "events.insert": 25,
}
# How many existing rows the load moves among, drawn once.
_AMONG = 2_000


@dataclass(frozen=True)
class StreamReport:
    """What was really written."""

    seconds: float
    rows: int
    transactions: int
    operations: Mapping[str, int]
    behind_seconds: float
    commit_ms: Mapping[str, float] = field(default_factory=dict)

    @property
    def rows_per_second(self) -> float:
        """The rate that was reached."""
        return self.rows / self.seconds if self.seconds > 0 else 0.0


class _Load:
    """The rows that the load works on: some that were there, and its own, which alone it deletes."""

    def __init__(self, connection: psycopg.Connection[Any], chance: Random, seed: int, base: datetime) -> None:
        self.chance = chance
        self.when = base
        self.born = base.date()
        self.system = _first(connection, "SELECT user_id FROM users WHERE user_type = 3 ORDER BY user_id LIMIT 1")
        # Two loads on one world must not make the same keys.
        self.run_of_seed = seed
        self.people = _some(connection, "persons", chance)
        self.employments = _some(connection, "tps_employments", chance)
        self.places = _some(connection, "establishments", chance)
        self.providers = _some(connection, "mandatory_qualification_providers", chance)
        if not (self.people and self.places):
            raise clock.WorldNotReadyError("The load needs people and establishments: populate the world first.")
        self.own: dict[str, deque[UUID]] = {
            table: deque() for table in ("persons", "qualifications", "tps_employments")
        }

    def moment(self) -> datetime:
        """The next moment: one millisecond of the world's day for a row."""
        self.when += timedelta(milliseconds=1)
        return self.when

    def new(self, table: str) -> UUID:
        """A new key, remembered so that the row can be changed and deleted later."""
        key = luck.uuid_from(self.chance)
        self.own[table].append(key)
        return key


def _first(connection: psycopg.Connection[Any], query: str) -> UUID:
    row = connection.execute(query.encode()).fetchone()
    if row is None:
        raise clock.WorldNotReadyError("The load needs the system user in `users`: populate the world first.")
    key: UUID = row[0]
    return key


def _some(connection: psycopg.Connection[Any], table: str, chance: Random) -> list[UUID]:
    key, start, found = sql.Identifier(_KEYS.get(table) or f"{table[:-1]}_id"), luck.uuid_from(chance), list[UUID]()
    for than in (sql.SQL(">="), sql.SQL("<")):
        statement = sql.SQL("SELECT {0} FROM {1} WHERE {0} {2} %s ORDER BY {0} LIMIT {3}")
        composed = statement.format(key, sql.Identifier(table), than, _AMONG)
        found += [row[0] for row in connection.execute(composed, (start,))]
    return found[:_AMONG]


_KEYS = {
    "persons": "person_id",
    "qualifications": "qualification_id",
    "tps_employments": "tps_employment_id",
    "events": "event_id",
}
# The columns that one row of an operation is written with, its key last; nothing when there is no row for it yet.
Maker = Callable[[_Load], Row | None]


def _person_update(load: _Load) -> Row:
    address = f"load{load.chance.randrange(10**9)}@example.org"
    return {"email_address": address, "updated_on": load.moment(), "person_id": load.chance.choice(load.people)}


def _person_insert(load: _Load) -> Row:
    return people.blank(load.new("persons"), load.moment(), names.person(load.chance, load.born))


def _qualification_insert(load: _Load) -> Row:
    when = load.moment()
    return {
        "qualification_type": 0,
        "person_id": load.chance.choice(load.people),
        "mq_provider_id": load.chance.choice(load.providers) if load.providers else None,
        "mq_specialism": load.chance.choice(SPECIALISMS),
        "mq_status": MqStatus.IN_PROGRESS,
        "start_date": load.born - timedelta(days=load.chance.randint(300, 3000)),
        "created_on": when,
        "updated_on": when,
        "qualification_id": load.new("qualifications"),
    }


def _qualification_update(load: _Load) -> Row | None:
    if not load.own["qualifications"]:
        return None
    return {
        "mq_status": load.chance.choice((MqStatus.IN_PROGRESS, MqStatus.PASSED, MqStatus.EXTENDED)),
        "end_date": load.born - timedelta(days=load.chance.randint(0, 200)),
        "updated_on": load.moment(),
        "qualification_id": load.chance.choice(load.own["qualifications"]),
    }


def _employment_insert(load: _Load) -> Row:
    when = load.moment()
    start = load.born - timedelta(days=load.chance.randint(0, 6000))
    key = load.new("tps_employments")
    return {
        "person_id": load.chance.choice(load.people),
        "establishment_id": load.chance.choice(load.places),
        "start_date": start,
        "last_known_tps_employed_date": load.born,
        "last_extract_date": load.born,
        "employment_type": load.chance.randrange(4),
        "created_on": when,
        "updated_on": when,
        # TRN-like text that no person has: the extract of a month never meets these posts.
        "key": f"0000000.000.{load.run_of_seed % 10_000:04d}.{start:%Y%m%d}{key.int % 10**12:012d}",
        "withdrawal_confirmed": False,
        "tps_employment_id": key,
    }


def _employment_update(load: _Load) -> Row | None:
    among = load.employments or list(load.own["tps_employments"])
    if not among:
        return None
    address = postcode(load.chance)
    return {"employer_postcode": address, "updated_on": load.moment(), "tps_employment_id": load.chance.choice(among)}


def _event_insert(load: _Load) -> Row:
    details = {"FirstName": "Ada", "MiddleName": "", "LastName": "Load", "DateOfBirth": "1980-01-01", "Gender": 2}
    old = {**details, "EmailAddress": None, "NationalInsuranceNumber": None}
    new = {**old, "EmailAddress": f"load{load.chance.randrange(10**9)}@example.org"}
    values = {
        "PersonId": load.chance.choice(load.people),
        "PersonAttributes": new,
        "OldPersonAttributes": old,
        "DetailsChangeReason": "New information received",
    }
    key = luck.uuid_from(load.chance)
    row = legacy_row("PersonDetailsUpdatedEvent", key, load.moment(), load.system, values)
    return {**row, "payload": Jsonb(row["payload"])}


def _delete(table: str) -> Maker:
    def make(load: _Load) -> Row | None:
        return {_KEYS[table]: load.own[table].popleft()} if load.own[table] else None

    return make


# The order within a transaction: additions before changes before deletions, so that each finds its rows.
_OPERATIONS: Mapping[str, Maker] = {
    "persons.insert": _person_insert,
    "qualifications.insert": _qualification_insert,
    "tps_employments.insert": _employment_insert,
    "events.insert": _event_insert,
    "persons.update": _person_update,
    "qualifications.update": _qualification_update,
    "tps_employments.update": _employment_update,
    "qualifications.delete": _delete("qualifications"),
    "tps_employments.delete": _delete("tps_employments"),
    "persons.delete": _delete("persons"),
}


def _statement(operation: str, columns: tuple[str, ...]) -> bytes:
    table, _, verb = operation.partition(".")
    if verb == "insert":
        return insert_statement(table, columns, None)
    key = (_KEYS[table],)
    return delete_statement(table, key) if verb == "delete" else update_statement(table, key, columns[:-1])


def stream(
    conninfo: str,
    rows_per_second: float,
    seconds: float,
    seed: int,
    rows_per_transaction: int = 10,
    mix: Mapping[str, float] = DEFAULT_MIX,
    *,
    stop: Event | None = None,
) -> StreamReport:
    """Write for some seconds at a target rate, or as fast as one session can when `rows_per_second` is 0.

    `mix` weighs operations named `table.insert`, `table.update` and `table.delete`. Only rows that the load itself
    added are deleted, so the world stays whole. `stop` ends it early. A transaction that starts late is not caught up
    for by a burst: `behind_seconds` says how far the schedule was missed at worst.

    Raises ValueError for an unknown operation and WorldNotReadyError without a populated world; errors of the
    connection go to the caller, as a fault drill wants to see them.
    """
    unknown = mix.keys() - _OPERATIONS.keys()
    if unknown or not mix or rows_per_transaction < 1:
        raise ValueError(
            f"the mix must hold operations out of {', '.join(_OPERATIONS)}; not {', '.join(unknown) or 'none'}"
        )
    with psycopg.connect(conninfo, autocommit=True) as connection:
        world = clock.read(connection)
        base = datetime.combine(world.today, time_of_day(12), UTC)
        load = _Load(connection, luck.source(world.seed, "stream", seed), seed, base)
        return _run(connection, load, rows_per_second, seconds, rows_per_transaction, mix, stop)


def _run(
    connection: psycopg.Connection[Any],
    load: _Load,
    rate: float,
    seconds: float,
    size: int,
    mix: Mapping[str, float],
    stop: Event | None,
) -> StreamReport:
    operations, commits = Counter[str](), list[float]()
    names_of, weights = list(mix), list(mix.values())
    began = due = time.monotonic()
    behind = 0.0
    with connection.cursor() as cursor:
        while (now := time.monotonic()) - began < seconds and not (stop is not None and stop.is_set()):
            if rate > 0:
                if due > now:
                    time.sleep(min(due - now, began + seconds - now))
                    continue
                behind = max(behind, now - due)
                due = max(due + size / rate, now - 1.0)
            chosen = Counter(load.chance.choices(names_of, weights, k=size))
            started = time.monotonic()
            with connection.transaction():
                for name, maker in _OPERATIONS.items():
                    rows = [row for _ in range(chosen[name]) if (row := maker(load)) is not None]
                    if rows:
                        # By key, so that two loads wait for each other instead of deadlocking.
                        key = _KEYS[name.partition(".")[0]]
                        rows.sort(key=lambda row: str(row[key]))
                        statement = _statement(name, tuple(rows[0]))
                        cursor.executemany(statement, [list(row.values()) for row in rows])
                        operations[name] += len(rows)
            commits.append((time.monotonic() - started) * 1000)
    spent = time.monotonic() - began
    commits.sort()
    percentiles = (
        {name: commits[min(len(commits) - 1, int(len(commits) * at))] for name, at in _PERCENTILES} if commits else {}
    )
    return StreamReport(spent, operations.total(), len(commits), dict(operations), behind, percentiles)


_PERCENTILES = (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
