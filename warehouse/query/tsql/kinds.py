"""What a value is, as far as T-SQL and PostgreSQL treat it differently."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """The kind of a value. Nothing is done to one that is unknown."""

    text = "text"
    integer = "integer"
    number = "number"
    boolean = "boolean"
    date = "date"
    moment = "moment"
    uuid = "uuid"
    key = "key"
    unknown = "unknown"

    @property
    def is_text(self) -> bool:
        return self is Kind.text

    @property
    def is_number(self) -> bool:
        return self in (Kind.integer, Kind.number)

    @property
    def is_time(self) -> bool:
        return self in (Kind.date, Kind.moment)


_KINDS: Final = (
    (r"(small|big|tiny)?int(eger)?\b", Kind.integer),
    (r"(numeric|decimal|float|real|double|(small)?money)\b", Kind.number),
    (r"bool(ean)?\b|bit\b", Kind.boolean),
    (r"date\b", Kind.date),
    (r"timestamp|(small)?datetime", Kind.moment),
    (r"uuid\b|uniqueidentifier\b", Kind.uuid),
    (r"n?text\b|n?(var)?char|character|bpchar|name\b", Kind.text),
)


def kind_of_type(name: str) -> Kind:
    """The kind of a type, by its name in PostgreSQL or in SQL Server."""
    return next((kind for pattern, kind in _KINDS if re.match(pattern, name.lower())), Kind.unknown)
