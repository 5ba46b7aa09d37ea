"""Names and addresses for people who come into the world while it lives."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

from sandbox.life import chance as luck
from sandbox.nobodys import INWARD, new_nino


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_FEMALE = _words(
    "Olivia Amelia Isla Ava Freya Lily Florence Mia Willow Rosie Sophia Isabella Grace Evelyn Charlotte Aria "
    "Ivy Poppy Elsie Ella Emily Harriet Maya Priya Aisha Fatima Zainab Ngozi Chloe Hannah Megan Siân Niamh "
    "Orla Zofia Katarzyna Mei Yasmin Leila Rebecca Claire Joanne Tracey Margaret"
)
_MALE = _words(
    "Noah Oliver George Arthur Muhammad Leo Theo Oscar Harry Archie Jack Henry Charlie Freddie Thomas Alfie "
    "Finley James William Lucas Joshua Isaac Edward Samuel Rhys Dylan Callum Hamza Arjun Rohan Kwame Chidi "
    "Mateusz Piotr Wei Daniel Stephen Gareth Kevin Nigel Ahmed Ibrahim Owen"
)
_MIDDLE = _words("Rose Grace May Jane Louise Anne Marie Elizabeth James John William David Lee Michael Alexander")
_LAST = _words(
    "Smith Jones Taylor Brown Williams Wilson Johnson Davies Patel Robinson Wright Thompson Evans Walker White "
    "Roberts Green Hall Wood Jackson Clarke Khan Ali Hussain Begum Singh Kaur Shah Ahmed Hughes Edwards Hill "
    "Moore Clark Harrison Scott Young Morris King Ward Lewis Turner Parker Cook Bell Collins Murphy Kelly "
    "Bailey Cooper Richardson Cox Marshall Ryan O'Connor O'Brien Fitzgerald MacDonald McKenzie Campbell "
    "Stewart Nowak Kowalski Okafor Adeyemi Mensah Chowdhury Rahman Chen Wong Nguyen Silva Rossi García Müller "
    "Lloyd-Jones Ashworth-Bell Featherstone Ainsworth Blythe Thistlethwaite Cholmondeley Winterbottom "
    "Entwistle Higginbottom Pemberton Rowbotham Satterthwaite Sugden"
)
_STREETS = (
    "High Street",
    "Station Road",
    "Church Lane",
    "Mill Road",
    "Victoria Road",
    "Green Lane",
    "Manor Drive",
    "Park Avenue",
)
_TOWNS = _words("Leeds Norwich Bristol Preston Derby Exeter Lincoln Stockport Reading Durham Ipswich Carlisle")
_AREAS = _words("LS NR BS PR DE EX LN SK RG DH IP CA")


def person(chance: Random, today: date, youngest: int = 20, oldest: int = 45) -> dict[str, Any]:
    """A person's attributes as columns of `persons`: names, date of birth, e-mail, NINO, gender."""
    gender = luck.weighted(chance, [(2, 0.7), (1, 0.27), (3, 0.02), (4, 0.01)])
    first = chance.choice(_MALE if gender == 1 else _FEMALE)
    last = last_name(chance)
    born = today - timedelta(days=chance.randint(youngest * 366, oldest * 365))
    return {
        "first_name": first,
        "middle_name": chance.choice(_MIDDLE) if chance.random() < 0.45 else "",
        "last_name": last,
        "date_of_birth": born,
        "email_address": email(chance, first, last) if chance.random() < 0.9 else None,
        "national_insurance_number": new_nino(chance) if chance.random() < 0.8 else None,
        "gender": gender if chance.random() < 0.95 else None,
    }


def last_name(chance: Random) -> str:
    """A last name."""
    return chance.choice(_LAST)


def first_name(chance: Random) -> str:
    """A first name."""
    return chance.choice(_FEMALE if chance.random() < 0.7 else _MALE)


def email(chance: Random, first: str, last: str) -> str:
    """An address on a domain that can belong to nobody."""
    plain = "".join(
        letter for letter in f"{first}.{last}".lower() if letter.isascii() and (letter.isalnum() or letter == ".")
    )
    return f"{plain}{chance.randrange(10_000)}@example.{chance.choice(('com', 'org', 'net'))}"


def address(chance: Random) -> dict[str, str]:
    """A postal address as columns of `trn_request_metadata`."""
    at = chance.randrange(len(_TOWNS))
    return {
        "address_line1": f"{chance.randint(1, 240)} {chance.choice(_STREETS)}",
        "city": _TOWNS[at],
        "postcode": postcode(chance, _AREAS[at]),
        "country": "United Kingdom",
    }


def postcode(chance: Random, area: str | None = None) -> str:
    """A postcode that can be nobody's."""
    inward = f"{chance.randint(1, 9)}{chance.choice(INWARD)}{chance.choice(INWARD)}"
    return f"{area or chance.choice(_AREAS)}{chance.randint(1, 28)} {inward}"
