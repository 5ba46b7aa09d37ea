"""People who come into the world while it lives: their names, dates of birth, numbers and addresses."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

from sandbox.domain import names
from sandbox.domain.codes import Gender
from sandbox.domain.numbers import email, new_nino, postcode
from sandbox.domain.tables import words
from sandbox.life import chance as luck

GENDERS = ((Gender.FEMALE, 0.7), (Gender.MALE, 0.27), (Gender.OTHER, 0.02), (Gender.NOT_AVAILABLE, 0.01))

_BORN = 1990
"""The year of birth from which a name is drawn for somebody of whom nothing else is known."""


def person(chance: Random, today: date, youngest: int = 20, oldest: int = 45) -> dict[str, Any]:
    """A person's attributes as columns of `persons`: names, date of birth, e-mail, NINO, gender."""
    gender = luck.weighted(chance, GENDERS)
    born = today - timedelta(days=chance.randint(youngest * 366, oldest * 365))
    community = _community(chance, born.year)
    side = "m" if gender == Gender.MALE else "f"
    first, last = _given(chance, community, side, born.year), _family(chance, community)
    return {
        "first_name": first,
        "middle_name": _given(chance, community, side, born.year) if chance.random() < 0.45 else "",
        "last_name": last,
        "date_of_birth": born,
        "email_address": email(chance, first, last) if chance.random() < 0.9 else None,
        "national_insurance_number": new_nino(chance) if chance.random() < 0.8 else None,
        "gender": gender if chance.random() < 0.95 else None,
    }


def last_name(chance: Random) -> str:
    """A last name."""
    return _family(chance, _community(chance, _BORN))


def first_name(chance: Random) -> str:
    """A first name."""
    return _given(chance, _community(chance, _BORN), "f" if chance.random() < 0.7 else "m", _BORN)


def address(chance: Random) -> dict[str, str]:
    """A postal address as columns of `trn_request_metadata`."""
    area, town = chance.choice(list(zip(words("postcode_area"), words("post_town"), strict=True)))
    return {
        "address_line1": f"{chance.randint(1, 240)} {chance.choice(words('street'))}",
        "city": town,
        "postcode": postcode(chance, area),
        "country": "United Kingdom",
    }


def _community(chance: Random, born: int) -> str:
    return luck.weighted(chance, list(names.communities(names.generation(born)).items()))


def _given(chance: Random, community: str, side: str, born: int) -> str:
    lists = (some for some in names.given() if some.community == community and some.gender == side)
    return chance.choice(next(some.names for some in lists if some.born_from <= born <= some.born_to))


def _family(chance: Random, community: str) -> str:
    return chance.choice(names.family()[community])
