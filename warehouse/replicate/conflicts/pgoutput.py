"""The messages of PostgreSQL's own output plug-in, decoded: protocol version 1, values as text.

Only for looking at a transaction that cannot be applied. The stream itself is PostgreSQL's business.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)

Operation = Literal["insert", "update", "delete", "truncate"]


@dataclass(frozen=True)
class Relation:
    """A table as the source describes it before its first row; `key` are the columns of its replica identity."""

    schema: str
    table: str
    columns: tuple[str, ...]
    key: tuple[str, ...]


class Unchanged:
    """A large value that the update did not touch, and that the source therefore does not send."""


UNCHANGED = Unchanged()
Values = dict[str, str | Unchanged | None]


@dataclass(frozen=True)
class Change:
    """A row's change. `old` is the row before, as far as it was sent: only when its key changed or it was deleted."""

    operation: Operation
    relation: Relation
    new: Values = field(default_factory=dict, repr=False)
    old: Values = field(default_factory=dict, repr=False)

    @property
    def found_by(self) -> dict[str, str | None]:
        """The key by which the replica finds the row (of an insert: the row's own)."""
        values = self.old or self.new
        return {name: _text(values.get(name)) for name in self.relation.key}


@dataclass(frozen=True)
class Transaction:
    """What a transaction began with.

    Attributes:
        lsn: where its commit record is; ALTER SUBSCRIPTION … SKIP names a transaction by it.
        committed_at: by the source's clock.
    """

    lsn: int
    committed_at: datetime


@dataclass(frozen=True)
class End:
    """A transaction's end: what was applied up to `end_lsn` has this transaction in it."""

    lsn: int
    end_lsn: int


def decode(messages: Iterable[bytes]) -> Iterator[Transaction | Change | End]:
    """The transactions and changes in a run of messages. Messages that do not matter for it are skipped."""
    relations: dict[int, Relation] = {}
    for message in messages:
        reader = _Reader(message)
        kind = reader.letter()
        if kind == "B":
            yield Transaction(lsn=reader.number("q"), committed_at=_moment(reader.number("q")))
        elif kind == "C":
            reader.number("b")
            yield End(lsn=reader.number("q"), end_lsn=reader.number("q"))
        elif kind == "R":
            number = reader.number("I")
            relations[number] = reader.relation()
        elif kind == "T":
            count = reader.number("i")
            reader.number("b")
            for _ in range(count):
                yield Change("truncate", relations[reader.number("I")])
        elif kind in ("I", "U", "D"):
            yield _row(kind, reader, relations[reader.number("I")])


def _row(kind: str, reader: _Reader, relation: Relation) -> Change:
    old: Values = {}
    part = reader.letter()
    if part in ("K", "O"):
        old = reader.values(relation)
        if part == "K":
            # The columns that are not of the key come as nulls that mean nothing.
            old = {name: old[name] for name in relation.key}
        if kind == "D":
            return Change("delete", relation, old=old)
        reader.letter()
    return Change("insert" if kind == "I" else "update", relation, new=reader.values(relation), old=old)


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _text(value: str | Unchanged | None) -> str | None:
    return None if isinstance(value, Unchanged) else value


class _Reader:
    def __init__(self, message: bytes) -> None:
        self._message = message
        self._at = 0

    def letter(self) -> str:
        self._at += 1
        return chr(self._message[self._at - 1])

    def number(self, form: str) -> int:
        value: int = struct.unpack_from(f"!{form}", self._message, self._at)[0]
        self._at += struct.calcsize(form)
        return value

    def text(self) -> str:
        end = self._message.index(0, self._at)
        value = self._message[self._at : end].decode()
        self._at = end + 1
        return value

    def relation(self) -> Relation:
        schema, table = self.text(), self.text()
        self.letter()
        columns, key = [], []
        for _ in range(self.number("h")):
            is_key = self.number("b") & 1
            name = self.text()
            self.number("I")
            self.number("i")
            columns.append(name)
            if is_key:
                key.append(name)
        return Relation(schema, table, tuple(columns), tuple(key))

    def values(self, relation: Relation) -> Values:
        found: Values = {}
        count = self.number("h")
        for name in relation.columns[:count]:
            kind = self.letter()
            if kind == "n":
                found[name] = None
            elif kind == "u":
                found[name] = UNCHANGED
            else:
                length = self.number("i")
                found[name] = self._message[self._at : self._at + length].decode()
                self._at += length
        return found
