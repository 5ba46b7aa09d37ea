"""The person who is to be erased: what identifies them, and what is found of them in texts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any
from uuid import UUID

from warehouse.core import identifiers
from warehouse.core.errors import UsageError
from warehouse.core.identifiers import NINO, PERSON_ID, TRN
from warehouse.erase import spelling

PAIR = "/"
"""Between the two values of an identifier of two columns."""

NUMBERS = frozenset({TRN, NINO})
"""Identifiers that people write with blanks, slashes and letters around them."""

_DIGESTS = re.compile(spelling.DIGESTS, re.I)


@dataclass(frozen=True)
class Decided:
    """What a person has decided about single rows, each as "table/key".

    Attributes:
        theirs: rows that are about the person, although they do not identify them.
        not_theirs: rows in which seven digits are something else than the person's TRN.
    """

    theirs: frozenset[str] = frozenset()
    not_theirs: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Called:
    """What else is known of the person: it identifies nobody, and is compared with references and free text."""

    first: frozenset[str] = field(default=frozenset(), repr=False)
    last: frozenset[str] = field(default=frozenset(), repr=False)
    born: frozenset[date] = field(default=frozenset(), repr=False)
    other: frozenset[str] = field(default=frozenset(), repr=False)


@dataclass(frozen=True)
class Subject:
    """A person by their identifiers, of each kind that the rules name. Never printed: see __repr__.

    Attributes:
        identifiers: values in lower case, by kind; numbers as `identifiers.plain_number` gives them.
        called: names, days of birth and other sensitive values of their rows.
        decided: what a person has decided about single rows.
    """

    identifiers: Mapping[str, frozenset[str]] = field(repr=False)
    called: Called = field(default=Called(), repr=False)
    decided: Decided = Decided()

    @classmethod
    def given(cls, person_id: str | None, trn: str | None, decided: Decided | None = None) -> Subject:
        """The person as the command names them.

        Raises:
            UsageError: neither or both are given, or it is not of their form.
        """
        if (person_id is None) == (trn is None):
            raise usage("Name the person by their id or by their TRN.")
        if trn is not None:
            number = identifiers.plain_number(trn)
            if not identifiers.is_trn(number):
                raise usage("A TRN has 7 digits.")
            return cls({TRN: frozenset([number])}, decided=decided or Decided())
        try:
            return cls({PERSON_ID: frozenset([str(UUID(person_id))])}, decided=decided or Decided())
        except ValueError:
            raise usage("A person's id is a UUID.") from None

    @classmethod
    def read(cls, text: str, decided: Decided | None = None) -> Subject:
        """The person by a TRN or an id, whichever the text is.

        Raises:
            UsageError: it is neither.
        """
        is_number = identifiers.is_trn(identifiers.plain_number(text))
        return cls.given(None, text, decided) if is_number else cls.given(text.strip(), None, decided)

    def values(self, kind: str) -> list[str]:
        """The values of one kind, as columns are compared with them."""
        return sorted(self.identifiers.get(kind, ()))

    def compared(self, kind: str) -> list[str]:
        """The same as columns of numbers are compared with them."""
        return (
            sorted({identifiers.compared(value) for value in self.values(kind)}) if kind == NINO else self.values(kind)
        )

    def with_more(self, kind: str, values: Iterable[str]) -> Subject:
        """The same person with further identifiers."""
        plain = identifiers.plain_number if kind in NUMBERS else str.lower
        more = self.identifiers.get(kind, frozenset()) | {plain(value) for value in values if value.strip()}
        return replace(self, identifiers={**self.identifiers, kind: more - {""}})

    def digest(self, salt: bytes) -> bytes:
        """What tells this person from another for as long as the salt is kept."""
        return hashlib.sha256(salt + "\n".join(self.values(PERSON_ID) or self.values(TRN)).encode()).digest()

    @property
    def words(self) -> list[str]:
        """Every identifier that is one word of a text; longest first."""
        found = {value for values in self.identifiers.values() for value in values if PAIR not in value}
        return sorted(found, key=lambda word: (-len(word), word))

    @property
    def numbers(self) -> list[str]:
        """Those that are looked for as numbers: in a text without its UUIDs."""
        return [word for word in self.words if identifiers.is_number(word)]

    @property
    def trns(self) -> list[str]:
        """Those that are seven digits, as tickets and telephones have, too."""
        return [word for word in self.words if identifiers.is_trn(word)]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Every identifier of two parts."""
        found = {value for values in self.identifiers.values() for value in values if PAIR in value}
        return [(first, second) for first, _, second in (value.partition(PAIR) for value in sorted(found))]

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The values of the placeholders in every statement about the person.

        An expression that is None matches nothing: no statement has a literal of the person in its text.
        """
        words = [word for word in self.words if word not in self.numbers]
        sure = [one for one in (spelling.any_of(set(self.numbers) - set(self.trns)), *self._labelled()) if one]
        pairs = {
            f"pair_{at}_{half}": spelling.any_of([word])
            for at, pair in enumerate(self.pairs)
            for half, word in enumerate(pair)
        }
        return {
            **{f"kind_{kind}": self.compared(kind) for kind in {PERSON_ID, *self.identifiers}},
            **pairs,
            "words": spelling.any_of(words),
            "numbers": spelling.any_of(self.numbers),
            "sure_numbers": f"(?:{'|'.join(sure)})" if sure else None,
            "loosely": spelling.loosely([*self.words, *(second for _, second in self.pairs)]),
            "cores": spelling.patterns(spelling.cores([*self.words, *(second for _, second in self.pairs)])),
            "trns": spelling.any_of(self.trns),
            "digests": spelling.DIGESTS,
            "first_names": spelling.names(self.called.first),
            "last_names": spelling.names(self.called.last),
            "last_name_cores": spelling.patterns(spelling.name_cores(self.called.last)),
            "names": spelling.names(self.called.first | self.called.last),
            "birthdays": spelling.birthdays(self.called.born),
            "theirs": sorted(self.decided.theirs),
            "not_theirs": sorted(self.decided.not_theirs),
        }

    @cached_property
    def finder(self) -> Finder:
        """What finds the identifiers in a text of a file."""
        return Finder(self)

    def _labelled(self) -> list[str]:
        return [spelling.labelled(trn).bounded for trn in self.trns]

    def __repr__(self) -> str:
        return "Subject(…)"


class Finder:
    """Finds a person's identifiers in texts outside of a database."""

    def __init__(self, subject: Subject) -> None:
        parameters = subject.parameters
        self._words, self._numbers, self._sure = (
            re.compile(parameters[name], re.I) if parameters[name] else None
            for name in ("words", "numbers", "sure_numbers")
        )
        first, last = parameters["first_names"], parameters["last_names"]
        self._names = (re.compile(first, re.I), re.compile(last, re.I)) if first and last else None
        self.loose = spelling.loosely(subject.words)
        self._cores = _in_bytes(spelling.cores(subject.words))
        self._name_cores = _in_bytes(spelling.name_cores(subject.called.last))

    def search(self, text: str) -> bool:
        """Whether an identifier stands in a text."""
        return _one_in(self._cores, text) and self._search(text)

    def fullmatch(self, text: str) -> bool:
        """Whether a text is an identifier and nothing else."""
        return any(found.fullmatch(text) for found in (self._words, self._numbers, self._sure) if found)

    def names(self, text: str) -> bool:
        """Whether a text holds an identifier, or the person's names together."""
        return self.search(text) or bool(
            self._names and _one_in(self._name_cores, text) and all(name.search(text) for name in self._names)
        )

    def _search(self, text: str) -> bool:
        if self._words and self._words.search(text):
            return True
        in_digest = [found for found in (self._numbers, self._sure) if found and found.search(text)]
        rest = _DIGESTS.sub("", text) if in_digest else ""
        return any(found.search(rest) for found in in_digest)


def _in_bytes(cores: Iterable[Iterable[str]]) -> list[list[bytes]] | None:
    """Pieces as they stand in a plain text; None where a letter beyond ASCII could be written in another way."""
    found = [[spelling.plain(piece) for piece in pieces] for pieces in cores]
    ascii_only = all(piece.isascii() for pieces in found for piece in pieces)
    return [[piece.encode() for piece in pieces] for pieces in found] if ascii_only else None


def _one_in(cores: Iterable[Iterable[bytes]] | None, text: str) -> bool:
    """Whether it is worth asking an expression: what stands in every spelling of one is in the text."""
    if cores is None:
        return True
    plain = spelling.plain_bytes(text.encode("utf-8", "surrogatepass"))
    return any(all(piece in plain for piece in pieces) for pieces in cores)


def usage(what: str) -> UsageError:
    """The error for a command line that does not say what it has to."""
    return UsageError(
        what,
        meaning="Nothing was looked for and nothing erased.",
        next_command="warehouse erase --help",
    )
