"""The person who is to be erased: what identifies them, and how it is looked for in texts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from warehouse.core.errors import UsageError
from warehouse.erase.rules import PERSON_ID, TRN

PAIR = "/"
"""Between the two values of an identifier of two columns."""

_TRN = re.compile(r"[0-9]{7}")
_IN_A_REFERENCE = (
    (re.compile(r"(?<![0-9])[0-9]{7}(?![0-9])"), "a number of 7 digits, as a TRN is"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-", re.I), "a UUID, as a person's id is"),
    (
        re.compile(r"(?<![A-Z])[A-Z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D](?![A-Z])", re.I),
        "a National Insurance number",
    ),
    (re.compile(r"@"), "an e-mail address"),
)


@dataclass(frozen=True)
class Subject:
    """A person by their identifiers, of each kind that the rules name. Never printed: see __repr__.

    Attributes:
        identifiers: values in lower case, by kind.
    """

    identifiers: Mapping[str, frozenset[str]] = field(repr=False)

    @classmethod
    def given(cls, person_id: str | None, trn: str | None) -> Subject:
        """The person as the command names them.

        Raises:
            UsageError: neither or both are given, or it is not of their form.
        """
        if (person_id is None) == (trn is None):
            raise _usage("Name the person by --person-id or by --trn.")
        if trn is not None:
            if not _TRN.fullmatch(trn):
                raise _usage("A TRN has 7 digits.")
            return cls({TRN: frozenset([trn])})
        try:
            return cls({PERSON_ID: frozenset([str(UUID(person_id))])})
        except ValueError:
            raise _usage("A person's id is a UUID.") from None

    def values(self, kind: str) -> list[str]:
        """The values of one kind, in lower case."""
        return sorted(self.identifiers.get(kind, ()))

    def with_more(self, kind: str, values: Iterable[str]) -> Subject:
        """The same person with further identifiers."""
        more = self.identifiers.get(kind, frozenset()) | {value.lower() for value in values if value.strip()}
        return Subject({**self.identifiers, kind: more})

    def digest(self, salt: bytes) -> bytes:
        """What tells this person from another for as long as the salt is kept."""
        return hashlib.sha256(salt + "\n".join(self.values(PERSON_ID) or self.values(TRN)).encode()).digest()

    @property
    def words(self) -> list[str]:
        """Every identifier that is one word of a text; longest first."""
        found = {value for values in self.identifiers.values() for value in values if PAIR not in value}
        return sorted(found, key=lambda word: (-len(word), word))

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Every identifier of two parts."""
        found = {value for values in self.identifiers.values() for value in values if PAIR in value}
        return [(first, second) for first, _, second in (value.partition(PAIR) for value in sorted(found))]

    def in_python(self) -> re.Pattern[str]:
        """A pattern that finds the identifiers in a text."""
        listed = "|".join(re.escape(word) for word in self.words)
        return re.compile(rf"(?<![0-9A-Za-z])(?:{listed})(?![0-9A-Za-z])", re.I)

    def __repr__(self) -> str:
        return "Subject(…)"


def pattern(words: Iterable[str], *, json: bool = False) -> str:
    """The regular expression by which PostgreSQL finds words in a text, whatever their case.

    Args:
        json: whether the text is JSON, where a number of its own, such as a count, is no TRN.
    """
    return (
        r"(?<![[:alnum:]])(?:"
        + "|".join((r'(?<!": )' if json and word.isdigit() else "") + _escaped(word) for word in words)
        + r")(?![[:alnum:]])"
    )


def check_reference(reference: str | None) -> str | None:
    """The reference of the request, which is kept for good, and so must not say who it is about.

    Raises:
        UsageError: it holds what looks like an identifier.
    """
    if reference is None or not reference.strip():
        return None
    for form, name in _IN_A_REFERENCE:
        if form.search(reference):
            raise _usage(f"The reference holds what looks like {name}; it stays in the record for good.")
    return reference.strip()


def _escaped(word: str) -> str:
    return re.sub(r"([.\\+*?^$()\[\]{}|])", r"\\\1", word)


def _usage(what: str) -> UsageError:
    return UsageError(
        what,
        meaning="Nothing was looked for and nothing erased.",
        next_command="warehouse erase --help",
    )
