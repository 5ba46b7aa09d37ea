"""The reference of a request: it stays in the record for good, so it must not say who the request is about."""

from __future__ import annotations

import re

from warehouse.erase import spelling
from warehouse.erase.subject import Subject, usage

_FORMS = (
    (re.compile(r"(?<![0-9])[0-9]{7}(?![0-9])"), "a number of 7 digits, as a TRN is"),
    (re.compile(r"(?<![0-9])[0-9]{2}\s?/\s?[0-9]{5}(?![0-9])"), "a TRN"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-", re.I), "a UUID, as a person's id is"),
    (re.compile(r"(?<![A-Z])[A-Z]{2}(?:[\s./-]?[0-9]){6}[\s./-]?[A-D](?![A-Z])", re.I), "a National Insurance number"),
    (re.compile(r"@"), "an e-mail address"),
)
_SHORTEST = 5
"""A name of so many letters is found inside a longer word, too."""


def check_form(reference: str | None) -> str | None:
    """The reference without what looks like an identifier of anybody.

    Raises:
        UsageError: it holds what looks like one.
    """
    if reference is None or not reference.strip():
        return None
    for form, name in _FORMS:
        if form.search(reference):
            raise usage(f"The reference holds what looks like {name}; it stays in the record for good.")
    return reference.strip()


def check_person(reference: str | None, subject: Subject) -> None:
    """Whether the reference says something of this very person: a name, an address, a number, in any spelling.

    Raises:
        UsageError: it does; never says what.
    """
    if reference is None:
        return
    called, text = subject.called, f" {spelling.folded(reference)} "
    joined = text.replace(" ", "")
    words = {spelling.folded(value) for value in (*called.first, *called.last, *called.other)} - {""}
    born = spelling.birthdays(called.born)
    if (
        subject.finder.search(reference)
        or (born and re.search(born, reference, re.I))
        or any(
            f" {word} " in text or (len(bare := word.replace(" ", "")) >= _SHORTEST and bare in joined)
            for word in words
        )
    ):
        raise usage(
            "The reference holds a name, an address or a number of the person; it stays in the record for good. Give "
            "the number of the request alone."
        )
