"""The forms of numbers and addresses, and those of them that can be nobody's.

HM Revenue & Customs uses Q in no prefix, and the Teaching Record System accepts it, so a National Insurance number with
a Q can be written anywhere and belongs to no person. Each number gives a text of its own. The same holds for temporary
references: their letter is a Q. There is no reserved range for TRNs, URNs or UKPRNs; those are only ever combined with
made-up people.
"""

from __future__ import annotations

import re
from random import Random
from typing import Final

from sandbox.domain.names import plain
from sandbox.domain.tables import words
from sandbox.schema import seed_rows

PREFIX: Final = "QQ"
"""Of the National Insurance numbers that the population at the start has."""

TEMPORARY: Final = "Q"
"""The letter of a temporary reference."""

INWARD: Final = "CIKMOV"
"""The letters that no postcode has in its last two places."""

OF_ONE_PREFIX: Final = 4_000_000
"""How many National Insurance numbers a prefix has: a million, with each of four last letters."""

UNKNOWN_TRNS: Final = (9_000_000, 9_999_999)
"""The first and the last of the numbers that `trn_ranges` never gives out."""

SECRET_MARK: Final = "made-up-secret"  # noqa: S105 - the mark of secrets, not one
"""Every made-up credential holds these words, so that a leak can be searched for."""

LINK_KEY: Final = "link to access your teaching qualifications service"
"""Under which name an e-mail is filled with the link by which its reader signs in."""

SIGN_IN_LINK: Final = f"https://access.example.org/start?trn_token={SECRET_MARK}-"
"""The beginning of such a link; the rest says whose it is. Web-hooks and events repeat it."""

_SECOND = "ABCEGHJKLMNPRSTWXYZ"
_LETTERS = "ABCD"
_REFUSED = frozenset({"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"})
_FORM = re.compile(r"[A-CEGHJ-PQR-TW-Z][A-CEGHJ-NPQR-TW-Z]\d{6}[A-DFMU]|\d{2}[A-Z]\d{5}")


def trn_ranges() -> list[tuple[int, int]]:
    """The first number and the size of each range of TRNs, in the order in which they are used."""
    return [(int(row["from_trn"]), 1 + int(row["to_trn"]) - int(row["from_trn"])) for row in seed_rows("trn_ranges")]


def nino(number: int) -> str:
    """The National Insurance number of a number below OF_ONE_PREFIX."""
    letter, digits = divmod(number, 1_000_000)
    return f"{PREFIX}{digits:06d}{_LETTERS[letter]}"


def new_nino(chance: Random) -> str:
    """One that the population at the start does not have: with one Q, in the first or in the second place."""
    first, letter = chance.randrange(20) < 10, chance.choice(_SECOND)
    digits, last = chance.randrange(1_000_000), chance.choice(_LETTERS)
    return f"{f'Q{letter}' if first else f'{letter}Q'}{digits:06d}{last}"


def normal_nino(text: str | None) -> str | None:
    """A National Insurance number or temporary reference as it is kept; None when it is not well formed."""
    kept = re.sub(r"[\s-]", "", text or "").upper()
    return kept if _FORM.fullmatch(kept) and kept[:2] not in _REFUSED else None


def temporary_reference(tens: int, number: int) -> str:
    """A temporary reference in place of a National Insurance number: two digits, a letter, five digits."""
    return f"{tens % 100:02d}{TEMPORARY}{number % 100_000:05d}"


def email(chance: Random, first: str, last: str) -> str:
    """An address at a domain that can belong to nobody."""
    return f"{plain(first)}.{plain(last)}{chance.randrange(1, 10_000)}@{chance.choice(words('email_domain'))}"


def postcode(chance: Random, area: str | None = None) -> str:
    """A postcode of a real area that can be nobody's."""
    inward = f"{chance.randint(0, 9)}{chance.choice(INWARD)}{chance.choice(INWARD)}"
    return f"{area or chance.choice(words('postcode_area'))}{chance.randint(1, 29)} {inward}"
