"""Names that belong together: given and family names by community, gender and year of birth."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache

from sandbox.domain.tables import records, rows

OVERSEAS = "overseas"


def plain(name: str) -> str:
    """The name in lower-case ASCII letters alone, as it stands in an e-mail address."""
    folded = unicodedata.normalize("NFKD", name.translate(str.maketrans("łŁıøß", "lLios")))
    return "".join(letter for letter in folded.lower() if "a" <= letter <= "z")


def generation(born: int) -> str:
    """The column of `communities` for people who were born in this year and grew up in the UK."""
    return "home_before_1970" if born < 1970 else "home_1970_1989" if born < 1990 else "home_from_1990"


@dataclass(frozen=True)
class Given:
    """Given names, the commoner ones first, of one community and gender (`f` or `m`) in a span of years of birth."""

    community: str
    gender: str
    born_from: int
    born_to: int
    names: tuple[str, ...]


@cache
def communities(group: str) -> dict[str, float]:
    """Communities with their weight in a generation (see `generation`) or among people from OVERSEAS."""
    return {row["community"]: float(row[group]) for row in rows("communities")}


def given() -> tuple[Given, ...]:
    """All lists of given names."""
    return records("given_names", Given)


@cache
def family() -> dict[str, tuple[str, ...]]:
    """Family names by community, the commoner ones first."""
    return {row["community"]: tuple(row["names"].split("|")) for row in rows("family_names")}


def synonyms() -> list[tuple[str, list[str]]]:
    """Given names with their short and other forms."""
    return [(row["name"], row["synonyms"].split("|")) for row in rows("name_synonyms")]
