"""Who something happens to: subjects drawn once a day by key, never by a scan for each happening.

A draw starts at random points of the primary key and takes the first row after each that fits. It costs a short
index scan for every subject, however big the world is.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

# The person of the row is active. OFFSET 0 keeps the planner from turning the question, asked of a few rows, into a
# join with the whole table: with it a draw takes a millisecond, without it half a second.
OF_AN_ACTIVE_PERSON = "EXISTS (SELECT FROM persons p WHERE p.person_id = t.person_id AND p.status = 0 OFFSET 0)"


@dataclass(frozen=True)
class Pool:
    """Rows that a happening can befall.

    `fits` is a condition on the alias `t`; `person` is the column that names the person, so that no one is drawn
    twice on a day (nothing for rows that belong to no one). A pool with `order` has no key to start from at random:
    it is read in that order instead, and must be small.
    """

    table: str
    key: str
    fits: str
    person: str | None = "person_id"
    order: str | None = None


def draw(
    connection: psycopg.Connection[Any], pool: Pool, wanted: int, chance: Random, taken: set[UUID]
) -> list[tuple[str, str | None]]:
    """Up to `wanted` subjects of a pool as (key, person), none of whom is taken; those drawn are taken afterwards."""
    if wanted == 0:
        return []
    found = _in_order(connection, pool, wanted) if pool.order else _at_random(connection, pool, wanted, chance)
    chosen: list[tuple[str, str | None]] = []
    seen = set()
    for key, person in found:
        if len(chosen) == wanted:
            break
        if key in seen or (person is not None and person in taken):
            continue
        seen.add(key)
        if person is not None:
            taken.add(person)
        chosen.append((str(key), None if person is None else str(person)))
    return chosen


def _columns(pool: Pool) -> sql.Composed:
    person = sql.SQL("NULL::uuid") if pool.person is None else sql.Identifier("t", pool.person)
    return sql.SQL("{} AS key, {} AS person").format(sql.Identifier("t", pool.key), person)


def _at_random(
    connection: psycopg.Connection[Any], pool: Pool, wanted: int, chance: Random
) -> list[tuple[UUID, UUID | None]]:
    key, table = sql.Identifier("t", pool.key), sql.Identifier(pool.table)
    bounds = []
    for direction in ("ASC", "DESC"):
        row = connection.execute(
            sql.SQL("SELECT {} FROM {} t ORDER BY {} {} LIMIT 1").format(
                key, table, key, sql.SQL("ASC" if direction == "ASC" else "DESC")
            )
        ).fetchone()
        if row is None:
            return []
        bounds.append(row[0].int)
    # Some starts meet the same row or someone who is taken already.
    starts = [UUID(int=chance.randint(bounds[0], bounds[1])) for _ in range(wanted * 2 + 4)]
    statement = sql.SQL(
        """
        SELECT found.key, found.person
        FROM unnest(%s::uuid[]) WITH ORDINALITY AS starts (start, position)
        CROSS JOIN LATERAL (
            SELECT {columns} FROM {table} t WHERE {key} >= starts.start AND {fits} ORDER BY {key} LIMIT 1
        ) AS found
        ORDER BY starts.position
        """
    ).format(columns=_columns(pool), table=table, key=key, fits=_trusted(pool.fits))
    return connection.execute(statement, (starts,)).fetchall()


def _in_order(connection: psycopg.Connection[Any], pool: Pool, wanted: int) -> list[tuple[Any, UUID | None]]:
    statement = sql.SQL("SELECT {} FROM {} t WHERE {} ORDER BY {} LIMIT {}").format(
        _columns(pool), sql.Identifier(pool.table), _trusted(pool.fits), _trusted(pool.order or ""), wanted * 2 + 4
    )
    return connection.execute(statement).fetchall()


class _Text(sql.Composable):
    """SQL text of this package, written in its source and never made of values."""

    def as_bytes(self, context: Any = None) -> bytes:
        del context
        return str(self._obj).encode()


def _trusted(text: str) -> _Text:
    return _Text(text)
