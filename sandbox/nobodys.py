"""Numbers and addresses that can be nobody's, for both generators: `population` and `life`.

HM Revenue & Customs uses Q in no prefix, and the Teaching Record System accepts it, so a National Insurance number with
a Q can be written anywhere and belongs to no person. Each number gives a text of its own. The same holds for temporary
references: their letter is a Q. There is no reserved range for TRNs, URNs or UKPRNs; those are only ever combined with
made-up people.
"""

from __future__ import annotations

from random import Random

PREFIX = "QQ"
"""Of the numbers that the population at the start has."""

TEMPORARY = "Q"
"""The letter of a temporary reference."""

INWARD = "CIKMOV"
"""The letters that no postcode has in its last two places."""

OF_ONE_PREFIX = 4_000_000
"""How many National Insurance numbers a prefix has: a million, with each of four last letters."""

_SECOND = "ABCEGHJKLMNPRSTWXYZ"
_LETTERS = "ABCD"


def nino(number: int) -> str:
    """The National Insurance number of a number below OF_ONE_PREFIX."""
    letter, digits = divmod(number, 1_000_000)
    return f"{PREFIX}{digits:06d}{_LETTERS[letter]}"


def new_nino(chance: Random) -> str:
    """One that the population at the start does not have: with one Q, in the first or in the second place."""
    first, letter = chance.randrange(20) < 10, chance.choice(_SECOND)
    digits, last = chance.randrange(1_000_000), chance.choice(_LETTERS)
    return f"{f'Q{letter}' if first else f'{letter}Q'}{digits:06d}{last}"


def temporary_reference(tens: int, number: int) -> str:
    """A temporary reference in place of a National Insurance number: two digits, a letter, five digits."""
    return f"{tens % 100:02d}{TEMPORARY}{number % 100_000:05d}"
