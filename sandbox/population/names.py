"""Names: first and last names that belong together, by community and year of birth."""

import csv
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
import polars as pl

from sandbox.population.vector import Ints, chance, weighted

_HOME: Final = files("sandbox.population") / "names"
MALE, FEMALE, OTHER, NOT_AVAILABLE = 1, 2, 3, 4


def _read(file: str) -> list[dict[str, str]]:
    with (_HOME / file).open(encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def plain(name: str) -> str:
    """The name in lower-case ASCII letters alone, as it stands in an email address."""
    folded = unicodedata.normalize("NFKD", name.translate(str.maketrans("łŁıøß", "lLios")))
    return "".join(c for c in folded.lower() if "a" <= c <= "z")


@dataclass(frozen=True)
class NameLists:
    """All names in two columns, and which stretch of each belongs to a community (and gender and year of birth)."""

    communities: tuple[str, ...]
    given: pl.Series
    given_plain: pl.Series
    family: pl.Series
    family_plain: pl.Series
    given_start: Ints
    """Start of the stretch, by community, gender (0 men, 1 women) and birth year from 1900 to 2020."""
    given_size: Ints
    family_start: Ints
    family_size: Ints


@cache
def name_lists() -> NameLists:
    """The committed lists, read once."""
    communities = tuple(row["community"] for row in _read("communities.csv"))
    place = {name: i for i, name in enumerate(communities)}
    given: list[str] = []
    start = np.zeros((len(communities), 2, 121), np.int64)
    size = np.zeros_like(start)
    for row in _read("given.csv"):
        names = row["names"].split("|")
        years = slice(int(row["born_from"]) - 1900, int(row["born_to"]) - 1899)
        cell = (place[row["community"]], int(row["gender"] == "f"), years)
        start[cell], size[cell] = len(given), len(names)
        given += names
    family: list[str] = []
    family_start = np.zeros(len(communities), np.int64)
    family_size = np.zeros(len(communities), np.int64)
    for row in _read("family.csv"):
        names = row["names"].split("|")
        family_start[place[row["community"]]], family_size[place[row["community"]]] = len(family), len(names)
        family += names
    return NameLists(
        communities,
        pl.Series(given),
        pl.Series([plain(n) for n in given]),
        pl.Series(family),
        pl.Series([plain(n) for n in family]),
        start,
        size,
        family_start,
        family_size,
    )


def synonyms() -> list[tuple[str, list[str]]]:
    """First names with their short and other forms."""
    return [(row["name"], row["synonyms"].split("|")) for row in _read("synonyms.csv")]


def draw_communities(rng: np.random.Generator, born: Ints, from_overseas: Ints) -> Ints:
    """A community for each person: by year of birth for people who grew up in the UK, by its own mix for the others."""
    rows = _read("communities.csv")
    group = np.where(from_overseas, 3, np.where(born < 1970, 0, np.where(born < 1990, 1, 2)))
    chosen = np.zeros(len(born), np.int64)
    for number, column in enumerate(("home_before_1970", "home_1970_1989", "home_from_1990", "overseas")):
        members = np.flatnonzero(group == number)
        chosen[members] = weighted(rng, len(members), [float(row[column]) for row in rows])
    return chosen


def draw_given(rng: np.random.Generator, community: Ints, gender: Ints, born: Ints) -> Ints:
    """Positions into the given names. People without a stated gender get a name of either list."""
    lists = name_lists()
    either = rng.integers(0, 2, len(born))
    side = np.where(gender == MALE, 0, np.where(gender == FEMALE, 1, either))
    year = np.clip(born, 1900, 2020) - 1900
    # Squaring the draw makes the names at the head of a list the commoner ones.
    share = rng.random(len(born)) ** 1.5
    cell = (community, side, year)
    return lists.given_start[cell] + (share * lists.given_size[cell]).astype(np.int64)


def draw_family(rng: np.random.Generator, community: Ints) -> Ints:
    """Positions into the family names."""
    lists = name_lists()
    share = rng.random(len(community)) ** 1.7
    return lists.family_start[community] + (share * lists.family_size[community]).astype(np.int64)


def double_barrelled(rng: np.random.Generator, community: Ints, first: Ints, share: float) -> pl.Series:
    """Last names as text; a share of them joined by a hyphen with a second name of the same community."""
    lists = name_lists()
    second = draw_family(rng, community)
    joined = chance(rng, len(first), share) & (second != first)
    # A name that is double already stays as it is.
    single = ~pl.Series(lists.family.gather(first)).str.contains("[- ]").to_numpy()
    return pl.select(
        pl.when(pl.Series(joined & single))
        .then(pl.concat_str(pl.lit(lists.family.gather(first)), pl.lit("-"), pl.lit(lists.family.gather(second))))
        .otherwise(pl.lit(lists.family.gather(first)))
    ).to_series()
