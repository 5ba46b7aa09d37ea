"""How an identifier may be spelled in a text: the regular expressions that find it, for PostgreSQL and for Python.

Both dialects understand every expression. Each has a body, and what may not stand before and after it. A number is
bounded by digits and not by letters: `TRN1234567` holds the TRN 1234567, and `12345678` does not.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from warehouse.core.identifiers import NINO_FORM, is_trn

_SPACES = " \t\u00a0\u2007\u2009\u202f"
_HYPHENS = "\u2010\u2011\u2012\u2013\u2014\u2212-"
_SPACE = f"[{_SPACES}]"
_PARTED = f"[{_SPACES}/.{_HYPHENS}]"
"""What people write between the parts of a number."""

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_REFERENCE = re.compile(r"([a-z]{2,5})-([0-9]+)")

_PARTS_OF_NAME = re.compile(r"[\s'\u2019\u2010-]+")

DIGESTS = "[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32,}"
"""UUIDs and digests, in whose middle seven digits can stand by chance. Numbers are looked for in the text without."""

_LABEL = r"(?:trn|reference[ _]?n(?:umber|o)|rp)[^0-9]{0,12}"
_LABELS = ("trn", "reference", "rp")
"""What it begins with."""
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


@dataclass(frozen=True)
class Spelled:
    """One spelling: `body` with what may not stand around it."""

    before: str
    body: str
    after: str

    @property
    def bounded(self) -> str:
        return f"{self.before}(?:{self.body}){self.after}"


_SEPARATORS = _SPACES + "/." + _HYPHENS
PLAIN = 'lower(({}) collate "C")'
for _separator in _SEPARATORS:
    # One after the other: translate() takes twice as long.
    PLAIN = f"replace({PLAIN}, '{_separator}', '')"
"""A text in SQL, without what people write between the parts of a number, and with small letters of ASCII."""
PLAIN_TRN = f"ltrim({PLAIN}, 'trnp')"
PLAIN_NINO = f"left({PLAIN}, 8)"
"""`plain_number` and `compared` in SQL, of a column's text."""
_SMALL = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_AS_PLAIN = str.maketrans(string.ascii_uppercase, string.ascii_lowercase, _SEPARATORS)
_SMALL_BYTES = bytes.maketrans(string.ascii_uppercase.encode(), string.ascii_lowercase.encode())
_ASCII_SEPARATORS = "".join(filter(str.isascii, _SEPARATORS)).encode()
_BEYOND_ASCII = {
    **{one.encode(): b"" for one in _SEPARATORS if not one.isascii()},
    # Python's expressions take these for a letter of ASCII when they ignore case.
    **{
        one.encode(): letter for one, letter in (("\u017f", b"s"), ("\u212a", b"k"), ("\u0130", b"i"), ("\u0131", b"i"))
    },
}


def spelled(value: str, *, counts: bool = False) -> list[Spelled]:
    """Every spelling of an identifier.

    Args:
        value: in lower case, as `plain_number` gives it where it is a number.
        counts: whether the text is JSON of our own, in which a bare number is a count and never a TRN.
    """
    if is_trn(value):
        return list(_trn(value, counts=counts))
    if nino := NINO_FORM.fullmatch(value):
        parted = f"{_PARTED}?".join(nino[1] or nino[2])
        # The last letter is often left out.
        return [Spelled("(?<![0-9])", parted + (f"(?:{_PARTED}?[a-dfmu])?" if nino[1] else ""), "(?![0-9])")]
    if _UUID.fullmatch(value):
        return [Spelled("(?<![0-9a-f])", value.replace("-", "-?"), "(?![0-9a-f])")]
    if "@" in value:
        body = _escaped(value).replace("@", "(?:@|%40)")
        # A longer address that ends or begins the same is another's.
        return [Spelled("(?<![0-9a-z._+-])", body, r"(?![0-9a-z-])(?!\.[0-9a-z])")]
    if reference := _REFERENCE.fullmatch(value):
        return [Spelled("(?<![0-9a-z])", f"{reference[1]}[{_SPACES}{_HYPHENS}]?{reference[2]}", "(?![0-9a-z])")]
    return [Spelled("(?<![0-9a-z])", _escaped(value).replace(":", "(?::|%3a)"), "(?![0-9a-z])")]


def labelled(trn: str) -> Spelled:
    """A TRN that the text calls one."""
    bodies = "|".join(one.body for one in _trn(trn, counts=False))
    # As a JSON number it has lost the zeros that it begins with.
    return Spelled("", f"{_LABEL}0*(?:{bodies}|{trn.lstrip('0') or '0'})", "(?![0-9])")


def _trn(value: str, *, counts: bool) -> Iterable[Spelled]:
    # Seven digits after a point are the fraction of a second, as .NET writes a time.
    no_count = '(?<!": )' if counts else ""
    yield Spelled(rf"(?<![0-9])(?<![0-9]\.){no_count}", value, "(?![0-9])")
    parted = rf"(?<![0-9])(?<![0-9][{_SPACES}/.{_HYPHENS}]){no_count}"
    yield Spelled(parted, f"{_SPACE}?".join(value), f"(?!{_SPACE}?[0-9])")
    # A date has two of these, and a longer number goes on after it.
    slashed = "|".join(f"{value[:at]}{_SPACE}?[/{_HYPHENS}]{_SPACE}?{value[at:]}" for at in range(1, len(value)))
    yield Spelled(rf"(?<![0-9])(?<![0-9][/.{_HYPHENS}])", slashed, f"(?![0-9])(?![/{_HYPHENS}][0-9])")


def any_of(values: Iterable[str], *, counts: bool = False) -> str | None:
    """One expression for every spelling of some identifiers; None when there are none."""
    return _joined(one.bounded for value in values for one in spelled(value, counts=counts))


def loosely(values: Iterable[str]) -> str | None:
    """The same without a look around, which not every library has: it finds more, never less."""
    found = list(values)
    every = [one for value in found for one in spelled(value)] + [labelled(trn) for trn in found if is_trn(trn)]
    return _joined(one.body for one in every)


def plain(text: str) -> str:
    """What `PLAIN` makes of a text."""
    return text.translate(_AS_PLAIN)


def plain_bytes(text: bytes) -> bytes:
    """The same of a text in UTF-8, in which every letter that Python takes for one of ASCII is that one.

    Where a text is not all ASCII it takes a fiftieth of the time of `plain`: 0.01 s for 5 MB.
    """
    found = text.translate(_SMALL_BYTES, _ASCII_SEPARATORS)
    if not found.isascii():
        for letter, instead in _BEYOND_ASCII.items():
            found = found.replace(letter, instead)
    return found


def cores(values: Iterable[str]) -> list[list[str]]:
    """What stands, in this order, in the plain form of every text that spells one of some identifiers.

    To look for a piece of text takes the server a quarter of the time of the quickest expression: it is asked first.
    """
    return [core for value in values for core in _cores(value)]


def patterns(pieces: Iterable[Iterable[str]]) -> list[str]:
    """Pieces of texts as patterns for LIKE."""
    return ["%" + "%".join(re.sub(r"([\\%_])", r"\\\1", piece) for piece in one) + "%" for one in pieces]


def name_cores(values: Iterable[str]) -> list[list[str]]:
    """What stands in every text that has one of some names as `names` finds it, in small letters of ASCII."""
    return [
        [max(re.findall(r"[!-~]+", _PARTS_OF_NAME.sub(" ", _composed(value).translate(_SMALL))) or [""], key=len)]
        for value in values
    ]


def _cores(value: str) -> list[list[str]]:
    if is_trn(value):
        # As a number of JSON it has lost the zeros that it begins with; then the text calls it a TRN.
        short = value.lstrip("0") or "0"
        return [[value], *([word, short] for word in _LABELS if short != value)]
    if nino := NINO_FORM.fullmatch(value):
        return [[nino[1] or nino[2]]]
    # These two are spelled in another way in an address.
    return [[plain(part) for part in re.split("[:@]", value)]]


def names(values: Iterable[str]) -> str | None:
    """An expression that finds one of some names as a word, with or without accents, hyphens and apostrophes."""
    return _joined(f"(?<![A-Za-z]){_name(value)}(?![A-Za-z])" for value in values)


def birthdays(days: Iterable[date]) -> str | None:
    """An expression that finds one of some days, as people and programs write them."""
    return _joined(form for day in days for form in _birthday(day))


def folded(text: str) -> str:
    """A text as it is compared with another: without accents, case and everything that is no letter or digit."""
    bare = unicodedata.normalize("NFKD", text)
    return re.sub(r"[^0-9a-z]+", " ", "".join(c for c in bare if not unicodedata.combining(c)).casefold()).strip()


def _birthday(day: date) -> Iterable[str]:
    month = _MONTHS[day.month - 1]
    part = "[/. -]"
    numbers = f"0?{day.day}{part}0?{day.month}{part}(?:{day.year // 100})?{day.year % 100:02}"
    yield f"(?<![0-9]){numbers}(?![0-9])"
    yield f"(?<![0-9]){day:%Y-?%m-?%d}(?![0-9])"
    word = f"{month[:3]}(?:{month[3:]})?" if month[3:] else month
    yield f"(?<![0-9])0?{day.day}(?:st|nd|rd|th)? {word},? {day.year}(?![0-9])"
    yield f"{word} 0?{day.day}(?:st|nd|rd|th)?,? {day.year}(?![0-9])"


def _name(value: str) -> str:
    return "".join(map(_letter, _PARTS_OF_NAME.sub(" ", _composed(value))))


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name.strip())


def _letter(letter: str) -> str:
    if letter == " ":
        return f"[{_SPACES}'\u2019{_HYPHENS}]*"
    if letter.isascii():
        return _escaped(letter)
    # The database's collation knows the case of ASCII letters only.
    plain = "".join(c for c in unicodedata.normalize("NFKD", letter) if c.isascii())
    return "(?:" + "|".join(_escaped(one) for one in sorted({letter.lower(), letter.upper(), plain} - {""})) + ")"


def _joined(expressions: Iterable[str]) -> str | None:
    found = list(dict.fromkeys(expressions))
    return f"(?:{'|'.join(found)})" if found else None


def _escaped(word: str) -> str:
    return re.sub(r"([.\\+*?^$()\[\]{}|])", r"\\\1", word)
