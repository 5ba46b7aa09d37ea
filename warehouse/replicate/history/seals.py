"""Seals: a digest of each settled month of versions, in a chain for each table that is only ever added to.

When a month is over its versions change no more, so its digest says for ever what was in it. What may change it later
(a version that comes late, an erasure, a change of structure, the retention rule) first compares the month with its
seal and then seals it again, with the reason: what somebody altered before is never sealed over in silence.

A seal is made of the one before it in the table, so none can be taken out or altered without the later ones showing it.
Somebody who may rewrite this ledger can rewrite the whole chain; the heads of the chains, kept elsewhere
(`warehouse replicate status --json`), show that, too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Literal

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from warehouse.core.database import one
from warehouse.replicate.catalog.names import HISTORY
from warehouse.replicate.history import chains
from warehouse.replicate.history.digest import Digest, digest, summed
from warehouse.replicate.history.months import Month, month_after, months_of
from warehouse.replicate.history.tables import key_of, logged

Reason = Literal["complete", "late", "erasure", "structure", "rule", "retention", "reset", "accepted"]

LATE = timedelta(hours=1)
"""So long after its end a month is sealed: sessions commit a little out of the order of their times."""


@dataclass(frozen=True)
class Seal:
    """A row of ledger.history_seals; the table's comment says what its columns mean."""

    seal_id: int
    table_name: str
    month: date
    sealed_at: datetime
    reason: str
    because: str | None
    matched: bool
    key_columns: list[str]
    versions: int | None
    groups: int | None
    content: bytes | None
    previous: bytes | None
    seal: bytes

    def computed(self) -> bytes:
        """The seal that belongs to the rest of the row."""
        parts = [
            self.table_name,
            self.month.isoformat(),
            self.sealed_at.astimezone(UTC).isoformat(),
            self.reason,
            self.because,
            self.matched,
            self.key_columns,
            self.versions,
            self.groups,
            *(value and bytes(value).hex() for value in (self.content, self.previous)),
        ]
        return hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode()).digest()


@dataclass(frozen=True)
class Noted:
    """What the ledger says of a month.

    Attributes:
        sum: of the versions' hashes; None where nobody has added them up.
    """

    versions: int
    sum: Decimal | None

    def agrees(self, found: Digest) -> bool:
        """Whether a month holds what was settled into it."""
        return self.versions == found.versions and self.sum in (None, found.sum)


_SEALS = """
select seal_id, table_name, month, sealed_at, reason, because, matched, key_columns, versions, groups, content,
    previous, seal
from ledger.history_seals order by seal_id
"""

_FINGERPRINT = "select fingerprint from ledger.history_seals where seal_id = %s"

_ADD = """
insert into ledger.history_seals (table_name, month, sealed_at, reason, because, matched, key_columns, versions,
    groups, content, fingerprint, previous, seal)
values (%(table_name)s, %(month)s, %(sealed_at)s, %(reason)s, %(because)s, %(matched)s, %(key_columns)s, %(versions)s,
    %(groups)s, %(content)s, %(fingerprint)s, %(previous)s, %(seal)s)
"""

_KNOWN_MONTHS = """
select table_name, month from ledger.history_months where table_name = any(%(tables)s)
union
select table_name, month from ledger.history_seals where table_name = any(%(tables)s)
order by table_name, month
"""

_BEFORE = "select seal from ledger.history_seals where table_name = %s order by seal_id desc limit 1"

_HEADS = """
select distinct on (table_name) table_name, seal from ledger.history_seals order by table_name, seal_id desc
"""

_NOTED = "select versions, content_sum from ledger.history_months where table_name = %s and month = %s"

# A sum that is not known, of a month that was begun by an earlier version of the ledger, stays unknown.
_NOTE = """
insert into ledger.history_months as m (table_name, month, versions, content_sum) values (%s, %s, %s, %s)
on conflict (table_name, month) do update
set versions = m.versions + excluded.versions, content_sum = m.content_sum + excluded.content_sum
"""

_RECOUNT = """
insert into ledger.history_months (table_name, month, versions, content_sum) values (%s, %s, %s, %s)
on conflict (table_name, month) do update set versions = excluded.versions, content_sum = excluded.content_sum
"""


_SETTLED_NOW = """
update ledger.history_months set settled_at = clock_timestamp() where table_name = %s and month = %s
"""


def every(connection: psycopg.Connection) -> list[Seal]:
    """All seals, in the order in which they were made."""
    with connection.cursor(row_factory=class_row(Seal)) as cursor:
        return cursor.execute(_SEALS).fetchall()


def latest(connection: psycopg.Connection) -> dict[tuple[str, date], Seal]:
    """The seal that holds for each table and month."""
    return {(seal.table_name, seal.month): seal for seal in every(connection)}


def heads(connection: psycopg.Connection) -> dict[str, str]:
    """The newest seal of each table, in hexadecimal. Kept elsewhere, they show if somebody has rewritten a chain."""
    return {table: bytes(seal).hex() for table, seal in connection.execute(_HEADS)}


def head(connection: psycopg.Connection) -> str | None:
    """One digest over all heads; None before the first seal."""
    newest = heads(connection)
    return hashlib.sha256(json.dumps(sorted(newest.items())).encode()).hexdigest() if newest else None


def complete(connection: psycopg.Connection, schema: str, tables: Iterable[str], settled_up_to: datetime | None) -> int:
    """Seal the months that are over; returns how many.

    Args:
        settled_up_to: everything that was committed at the source before is settled.
    """
    if settled_up_to is None:
        return 0
    sealed, made = latest(connection), 0
    for table in logged(connection, schema, list(tables)):
        for month in open_months(connection, table, sealed):
            if month_after(month.begins) + LATE <= settled_up_to:
                with connection.transaction():
                    found = digest(connection, month.partition, key_of(connection, schema, table))
                    noted = noted_of(connection, month)
                    if noted is None:
                        recount(connection, month, found)
                    add(connection, month, found, "complete", matched=noted is None or noted.agrees(found))
                made += 1
    return made


def open_months(connection: psycopg.Connection, table: str, sealed: dict[tuple[str, date], Seal]) -> list[Month]:
    """The months of a table that no seal holds for; one that was dropped and came again is among them."""
    return [
        month
        for month in months_of(connection, table)
        if (seal := sealed.get((table, month.month))) is None or seal.content is None
    ]


def noted_of(connection: psycopg.Connection, month: Month) -> Noted | None:
    """What was settled into a month, by the ledger."""
    row = connection.execute(_NOTED, (month.table, month.month)).fetchone()
    return Noted(*row) if row else None


def recount(connection: psycopg.Connection, month: Month, found: Digest) -> None:
    """Record what a month has, whatever was recorded before."""
    connection.execute(_RECOUNT, (month.table, month.month, found.versions, found.sum))


def settled(connection: psycopg.Connection, table: str, month: date, versions: int, added: Decimal) -> None:
    """Record that versions were settled into a month just now.

    Args:
        added: the sum of their hashes; see digest.py.
    """
    connection.execute(_NOTE, (table, month, versions, added))
    connection.execute(_SETTLED_NOW, (table, month))


def dropped(
    connection: psycopg.Connection, table: str, month: date, reason: Reason, because: str | None = None
) -> None:
    """Seal that a month is not there any more; in the transaction that drops it."""
    seal = latest(connection).get((table, month))
    if seal is None or seal.content is None:
        connection.execute("delete from ledger.history_months where table_name = %s and month = %s", (table, month))
        return
    partition = next((each for each in months_of(connection, table) if each.month == month), None)
    now = digest(connection, partition.partition, seal.key_columns, seal.groups) if partition else None
    connection.execute("delete from ledger.history_months where table_name = %s and month = %s", (table, month))
    add(
        connection,
        partition or Month(table, "", datetime(month.year, month.month, 1, tzinfo=UTC)),
        None,
        reason,
        because,
        matched=now is not None and now.content == bytes(seal.content),
        key_columns=seal.key_columns,
    )


def all_dropped(connection: psycopg.Connection, tables: Iterable[str], reason: Reason) -> None:
    """The same for every month of tables whose whole history goes."""
    known = connection.execute(_KNOWN_MONTHS, {"tables": list(tables)}).fetchall()
    for table, month in known:
        dropped(connection, table, month, reason)


def add(
    connection: psycopg.Connection,
    month: Month,
    found: Digest | None,
    reason: Reason,
    because: str | None = None,
    *,
    matched: bool,
    key_columns: list[str] | None = None,
) -> None:
    """Add a seal to a table's chain; without a digest for a month that is not there any more."""
    before = connection.execute(_BEFORE, (month.table,)).fetchone()
    seal = Seal(
        seal_id=0,
        table_name=month.table,
        month=month.month,
        sealed_at=one(connection, "select clock_timestamp()")[0],
        reason=reason,
        because=because,
        matched=matched,
        key_columns=found.key_columns if found else (key_columns or []),
        versions=found.versions if found else None,
        groups=found.groups if found else None,
        content=found.content if found else None,
        previous=bytes(before[0]) if before else None,
        seal=b"",
    )
    fingerprint = found.fingerprint if found else None
    connection.execute(_ADD, {**vars(replace(seal, seal=seal.computed())), "fingerprint": fingerprint})


def fingerprint(connection: psycopg.Connection, seal: Seal) -> bytes:
    """The first bytes of each group of a sealed month."""
    return bytes(one(connection, _FINGERPRINT, (seal.seal_id,))[0] or b"")


@contextmanager
def resealed(
    connection: psycopg.Connection, schema: str, tables: Iterable[str], reason: Reason, because: str | None = None
) -> Iterator[None]:
    """Seal again what the block changes of some tables' settled months, in one transaction with it.

    Each month is compared with its seal before; whether it matched is in the new one.
    """
    with connection.transaction():
        here = logged(connection, schema, list(tables))
        sealed = latest(connection)
        before = {month: _state(connection, month, sealed) for table in here for month in months_of(connection, table)}
        broken = {table: chains.broken(connection, schema, table) for table in here}
        yield
        for month, (was, seal) in before.items():
            if seal is not None and seal.content is not None:
                # The key may have another type or name now; it is still the same key.
                now = digest(connection, month.partition, key_of(connection, schema, month.table), was.groups)
                if now.content != was.content:
                    matched = was.content == bytes(seal.content)
                    add(connection, month, now, reason, because, matched=matched)
            else:
                now = summed(connection, month.partition)
            if (now.versions, now.sum) != (was.versions, was.sum) and reason != "late":
                # What comes late is counted where it is settled. The difference, so that what somebody had altered
                # before still shows.
                changed = (now.versions - was.versions, now.sum - was.sum)
                connection.execute(_NOTE, (month.table, month.month, *changed))
        for table, known in broken.items():
            chains.note_breaks(connection, table, chains.broken(connection, schema, table), known, reason)


def _state(
    connection: psycopg.Connection, month: Month, sealed: dict[tuple[str, date], Seal]
) -> tuple[Digest, Seal | None]:
    seal = sealed.get((month.table, month.month))
    if seal is None or seal.content is None:
        return summed(connection, month.partition), seal
    return digest(connection, month.partition, seal.key_columns, seal.groups), seal


def count(connection: psycopg.Connection, month: Month) -> int:
    """How many versions a month has."""
    counted: int = one(connection, sql.SQL("select count(*) from {}").format(sql.Identifier(HISTORY, month.partition)))[
        0
    ]
    return counted
