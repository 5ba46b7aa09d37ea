"""One happening on the stage: its transaction, its moment, its choices, and the rows it writes.

A scene reads with `one` and `all`, writes business rows with `insert`, `update` and `delete`, and records history with
`legacy` (the older store), `Process.event` (the newer one) and `Process.mirror` (the older one too, under the same id).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from sandbox.domain import events
from sandbox.life import chance as luck
from sandbox.life.clock import World
from sandbox.life.lookup import Lookup

Row = dict[str, Any]
Query = sql.SQL | sql.Composed


@lru_cache(maxsize=512)
def insert_statement(table: str, columns: tuple[str, ...], returning: str | None) -> bytes:
    """An INSERT of one row, in the order of the columns."""
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(", ").join(sql.Placeholder() * len(columns)),
    )
    if returning is not None:
        statement = sql.SQL("{} RETURNING {}").format(statement, sql.Identifier(returning))
    return statement.as_bytes()


@lru_cache(maxsize=512)
def update_statement(table: str, key: tuple[str, ...], columns: tuple[str, ...]) -> bytes:
    """An UPDATE of the row with a key: first the values of the columns, then of the key."""
    statement = sql.SQL("UPDATE {} SET {} WHERE {}").format(
        sql.Identifier(table),
        sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(column)) for column in columns),
        sql.SQL(" AND ").join(sql.SQL("{} = %s").format(sql.Identifier(column)) for column in key),
    )
    return statement.as_bytes()


@lru_cache(maxsize=64)
def delete_statement(table: str, key: tuple[str, ...]) -> bytes:
    """A DELETE of the row with a key."""
    statement = sql.SQL("DELETE FROM {} WHERE {}").format(
        sql.Identifier(table),
        sql.SQL(" AND ").join(sql.SQL("{} = %s").format(sql.Identifier(column)) for column in key),
    )
    return statement.as_bytes()


def _value(value: object) -> object:
    return Jsonb(value) if isinstance(value, dict) else value


class CalledOffError(Exception):
    """What was planned in the morning cannot happen any more: its subject is gone or is not as it was."""


class Scene:
    """One happening: a cursor in a transaction, a moment of the world's day and a source of chance of its own."""

    def __init__(
        self,
        cursor: psycopg.Cursor[Row],
        world: World,
        lookup: Lookup,
        day: date,
        when: datetime,
        name: str,
        number: int,
    ) -> None:
        self.cursor = cursor
        self.world = world
        self.lookup = lookup
        self.day = day
        self.when = when
        self.chance = luck.source(world.seed, day.isoformat(), name, number)

    def uuid(self) -> UUID:
        """A new identifier."""
        return luck.uuid_from(self.chance)

    def staff(self) -> UUID:
        """A member of staff."""
        return self.chance.choice(self.lookup.staff)

    def later(self, seconds: float) -> None:
        """Let some time of the day pass within the happening."""
        self.when += timedelta(seconds=seconds)

    def one(self, query: Query, parameters: Sequence[object] = ()) -> Row | None:
        """The first row of a query."""
        return self.cursor.execute(query, parameters).fetchone()

    def need(self, query: Query, parameters: Sequence[object] = ()) -> Row:
        """The first row of a query. Raises CalledOffError if there is none."""
        row = self.one(query, parameters)
        if row is None:
            raise CalledOffError
        return row

    def all(self, query: Query, parameters: Sequence[object] = ()) -> list[Row]:
        """All rows of a query."""
        return self.cursor.execute(query, parameters).fetchall()

    def run(self, query: Query, parameters: Sequence[object] = ()) -> int:
        """Run a statement that works on a set of rows; says how many."""
        return self.cursor.execute(query, parameters).rowcount

    def person(self, person_id: UUID, *, active: bool = True) -> Row | None:
        """A person's row, locked for the change to come; nothing if it is gone or not of that status any more."""
        row = self.one(_PERSON, (person_id,))
        return row if row is not None and (row["status"] == 0) == active else None

    def need_person(self, person_id: UUID, *, active: bool = True) -> Row:
        """The same. Raises CalledOffError instead of giving nothing."""
        row = self.person(person_id, active=active)
        if row is None:
            raise CalledOffError
        return row

    def insert(self, table: str, row: Mapping[str, object], returning: str | None = None) -> Any:
        """Add a row."""
        columns = tuple(row)
        self.cursor.execute(insert_statement(table, columns, returning), [_value(row[column]) for column in columns])
        if returning is None:
            return None
        made = self.cursor.fetchone()
        assert made is not None
        return made[returning]

    def update(self, table: str, key: Mapping[str, object], changes: Mapping[str, object]) -> None:
        """Change the row with this key."""
        columns = tuple(changes)
        self.cursor.execute(
            update_statement(table, tuple(key), columns),
            [*(_value(changes[column]) for column in columns), *key.values()],
        )

    def delete(self, table: str, key: Mapping[str, object]) -> int:
        """Remove the row with this key for good."""
        return self.cursor.execute(delete_statement(table, tuple(key)), list(key.values())).rowcount

    def legacy(
        self, name: str, raised_by: UUID, values: Mapping[str, Any], *, qualification_id: UUID | None = None
    ) -> None:
        """Record an event in the older store; it is about the person that its payload names."""
        self.insert("events", legacy_row(name, self.uuid(), self.when, raised_by, values, None, qualification_id))

    def delete_softly(self, table: str, key: Mapping[str, object]) -> None:
        """Mark the row with this key as deleted: it stays."""
        self.update(table, key, {"deleted_on": self.when, "updated_on": self.when})

    def process(self, kind: int | str, user_id: UUID | None, reason: Mapping[str, Any] | None = None) -> Process:
        """Begin a process: use it as a context; its row and its events are written at the end.

        `kind` is its type, or the name of an event that always comes from processes of one type.
        """
        if isinstance(kind, str):
            kind = events.shapes()["process_events", kind].process_type or 0
        return Process(self, kind, user_id, reason)


_PERSON = sql.SQL("SELECT * FROM persons WHERE person_id = %s FOR UPDATE")


def legacy_row(
    name: str,
    event_id: UUID,
    when: datetime,
    raised_by: UUID,
    values: Mapping[str, Any],
    people: Sequence[UUID] | None = None,
    qualification_id: UUID | None = None,
) -> Row:
    """A row of `events`, about the person that its payload names unless others are given."""
    people = _people(values) if people is None else people
    head = {"EventId": event_id, "CreatedUtc": when, "RaisedBy": raised_by}
    return {
        "event_id": event_id,
        "event_name": name,
        "created": when,
        # The row follows the business by the time a request takes.
        "inserted": when + timedelta(milliseconds=event_id.int % 900 + 20),
        "payload": events.payload(name, {**head, **values}, "events"),
        "published": False,
        "person_id": people[0] if people else None,
        "person_ids": list(people),
        "qualification_id": qualification_id,
        "alert_id": None,
    }


def _people(values: Mapping[str, Any]) -> list[UUID]:
    return [values["PersonId"]] if values.get("PersonId") is not None else []


class Process:
    """A process and its events: `processes` names every person, account and task that its events touch."""

    def __init__(self, scene: Scene, kind: int, user_id: UUID | None, reason: Mapping[str, Any] | None) -> None:
        self.process_id = scene.uuid()
        self.user_id = user_id
        self._scene = scene
        self._kind = kind
        self._reason = reason
        self._began = scene.when
        self._events: list[Row] = []
        self._mirrors: list[Row] = []

    def __enter__(self) -> Process:
        return self

    def event(
        self,
        name: str,
        values: Mapping[str, Any],
        *,
        people: Sequence[UUID] | None = None,
        subjects: Sequence[str] = (),
        tasks: Sequence[str] = (),
    ) -> UUID:
        """Record an event in the newer store, about the person that its payload names unless others are given."""
        key = self._scene.uuid()
        self._events.append(
            {
                "process_event_id": key,
                "process_id": self.process_id,
                "event_name": name,
                "payload": events.payload(name, {"EventId": key, **values}),
                "person_ids": _people(values) if people is None else list(people),
                "created_on": self._scene.when,
                "one_login_user_subjects": list(subjects),
                "support_task_references": list(tasks),
            }
        )
        return key

    def mirror(
        self, event_id: UUID, name: str, values: Mapping[str, Any], people: Sequence[UUID] | None = None
    ) -> None:
        """Record the same event, under its id, in the older store."""
        user = self.user_id or self._scene.lookup.system_user
        self._mirrors.append(legacy_row(name, event_id, self._scene.when, user, values, people))

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        if failure is not None:
            return
        self._scene.insert(
            "processes",
            {
                "process_id": self.process_id,
                "process_type": self._kind,
                "created_on": self._began,
                "updated_on": self._scene.when,
                "user_id": self.user_id,
                "person_ids": self._union("person_ids"),
                "change_reason": dict(self._reason) if self._reason is not None else None,
                "one_login_user_subjects": self._union("one_login_user_subjects"),
                "support_task_references": self._union("support_task_references"),
            },
        )
        for row in self._events:
            self._scene.insert("process_events", row)
        for row in self._mirrors:
            self._scene.insert("events", row)

    def _union(self, column: str) -> list[Any]:
        return list(dict.fromkeys(item for row in self._events for item in row[column]))
