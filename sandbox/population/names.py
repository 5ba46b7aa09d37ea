"""Names by the column: given and family names that belong together, by community and year of birth."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl

from sandbox.domain.codes import Gender
from sandbox.domain.names import OVERSEAS, communities, family, generation, given, plain
from sandbox.population.arrays import Ints
from sandbox.population.draw import chance, weighted
from sandbox.population.series import text, where

_FIRST_YEAR, _LAST_YEAR = 1900, 2020


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
    places = tuple(communities(OVERSEAS))
    start = np.zeros((len(places), 2, _LAST_YEAR - _FIRST_YEAR + 1), np.int64)
    size = np.zeros_like(start)
    names: list[str] = []
    for some in given():
        years = slice(some.born_from - _FIRST_YEAR, some.born_to - _FIRST_YEAR + 1)
        cell = (places.index(some.community), int(some.gender == "f"), years)
        start[cell], size[cell] = len(names), len(some.names)
        names += some.names
    sizes = [len(family()[place]) for place in places]
    families = [name for place in places for name in family()[place]]
    return NameLists(
        places,
        pl.Series(names),
        pl.Series([plain(name) for name in names]),
        pl.Series(families),
        pl.Series([plain(name) for name in families]),
        start,
        size,
        np.cumsum([0, *sizes[:-1]]),
        np.array(sizes),
    )


def draw_communities(rng: np.random.Generator, born: Ints, from_overseas: Ints) -> Ints:
    """A community for each person: by year of birth for people who grew up in the UK, by its own mix for the others."""
    chosen = np.zeros(len(born), np.int64)
    groups = np.where(from_overseas, OVERSEAS, np.array([generation(year) for year in born.tolist()]))
    for group in (generation(1960), generation(1980), generation(2000), OVERSEAS):
        members = np.flatnonzero(groups == group)
        chosen[members] = weighted(rng, len(members), list(communities(group).values()))
    return chosen


def draw_given(rng: np.random.Generator, community: Ints, gender: Ints, born: Ints) -> Ints:
    """Positions into the given names. People without a stated gender get a name of either list."""
    lists = name_lists()
    either = rng.integers(0, 2, len(born))
    side = np.where(gender == Gender.MALE, 0, np.where(gender == Gender.FEMALE, 1, either))
    year = np.clip(born, _FIRST_YEAR, _LAST_YEAR) - _FIRST_YEAR
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
    double = text(lists.family.gather(first), "-", lists.family.gather(second))
    return where(joined & single, double, lists.family.gather(first))
