"""Identifiers that belong to one person for good: how each is recognised, and written so that two can be compared."""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from uuid import UUID

PERSON_ID: Final = "person_id"
TRN: Final = "trn"
NINO: Final = "national_insurance_number"

_TRN = re.compile(r"[0-9]{7}")
NINO_FORM: Final = re.compile(r"([a-z]{2}[0-9]{6})[a-dfmu]?|([0-9]{2}[a-z][0-9]{5})")
"""A National Insurance number in lower case, or a temporary one."""

_NAMED = re.compile(r"(?:^|_)(person_id|trn|national_insurance_number|nino)\Z")


class Identifier(NamedTuple):
    """One identifier of a person, as two spellings of it have it in common. Never printed: see __repr__."""

    kind: str
    value: str

    def __repr__(self) -> str:
        return f"Identifier({self.kind}, …)"


def read(text: str) -> Identifier | None:
    """The identifier that a person typed, whichever it is; None when it is none."""
    number = plain_number(text)
    if is_trn(number):
        return Identifier(TRN, number)
    if is_number(number):
        return Identifier(NINO, compared(number))
    try:
        return Identifier(PERSON_ID, str(UUID(text.strip())))
    except ValueError:
        return None


def of_kind(kind: str, text: str) -> Identifier:
    """The identifier in a column that has identifiers of one kind."""
    if kind == PERSON_ID:
        return Identifier(kind, text.strip().lower())
    if is_trn(text):
        return Identifier(kind, text)
    number = plain_number(text)
    return Identifier(kind, compared(number) if kind == NINO else number)


def kind_of_column(name: str) -> str | None:
    """The kind of identifier that a column has by its name, such as that of `live_trn`; None when it has none."""
    found = _NAMED.search(name)
    return None if found is None else NINO if found[1] == "nino" else found[1]


def is_trn(value: str) -> bool:
    """Whether a value is a TRN: seven digits, which may also be a ticket's number or a telephone's."""
    return _TRN.fullmatch(value) is not None


def is_number(value: str) -> bool:
    """Whether a value is looked for as a number: a TRN or a National Insurance number."""
    return is_trn(value) or NINO_FORM.fullmatch(value) is not None


def plain_number(value: str) -> str:
    """A number without what people write between its parts; a TRN also without letters before it."""
    bare = re.sub(r"[^0-9a-z]", "", value.lower())
    labelled_trn = re.fullmatch(r"(?:trn|rp)?([0-9]{7})", bare)
    return labelled_trn[1] if labelled_trn else bare


def compared(value: str) -> str:
    """What a column's number is compared by: of a National Insurance number all but its last letter."""
    return value[:8]
