"""Who the people are: how many of each kind, by financial year, per million people.

Awards of qualified teacher status follow the published figures for England by financial year (April to March) for
2021-22 to 2024-25. Earlier years shrink the further back they lie (older cohorts have left the record), later ones
carry on from the last. Counts are made from running totals, so they come out exact for any number of people, and a
person's kind and year depend on the person's number alone, whichever chunk makes it.
"""

import datetime
from dataclasses import dataclass
from typing import Final

import numpy as np

from sandbox.population.arrays import Ints

KINDS: Final = ("itt", "assessment_only", "uk", "overseas", "qtls", "eyts", "eyps", "pqts", "training", "none")
ITT, ASSESSMENT_ONLY, UK, OVERSEAS, QTLS, EYTS, EYPS, PQTS, TRAINING, NONE = range(10)

# Financial year (its first calendar year) -> awards of QTS: ITT, assessment only, Wales + Scotland + NI, overseas.
PUBLISHED_AWARDS: Final = {
    2021: (37077, 1576, 1907, 1684),
    2022: (32877, 1511, 1790, 5750),
    2023: (26911, 1697, 1457, 5233),
    2024: (25621, 1670, 1392, 912),
}
FIRST_YEAR: Final = 1962
# Chosen so that all awards before 2021 leave room for the other kinds of people in each million.
_AWARDS_2020: Final = 38000
_YEARS_TO_SHRINK_BY_E: Final = 15.5

_QTLS, _EYTS, _EYPS, _PQTS = 20_000, 14_000, 11_000, 250
_TRAINING_NOW, _TRAINING_ENDED = 24_000, 26_000


def financial_year(date: datetime.date) -> int:
    """First calendar year of the financial year (1 April to 31 March) that the date lies in."""
    return date.year if date.month >= 4 else date.year - 1


def awards_per_million(year: int) -> tuple[float, float, float, float]:
    """Awards of QTS by ITT, assessment only, other UK nations and overseas, in one financial year."""
    if year in PUBLISHED_AWARDS:
        return PUBLISHED_AWARDS[year]
    if year > max(PUBLISHED_AWARDS):
        return (26_300.0, 1_690.0, 1_380.0, 1_030.0)
    total = _AWARDS_2020 * float(np.exp(-(2020 - year) / _YEARS_TO_SHRINK_BY_E))
    assessment_only = 0.04 * min(1.0, (year - 2003) / 12) if year >= 2004 else 0.0
    overseas = 0.03 if year < 1990 else 0.05 if year < 2004 else 0.08
    uk = 0.045
    return (total * (1 - assessment_only - overseas - uk), total * assessment_only, total * uk, total * overseas)


def _other_kinds(last_year: int) -> dict[tuple[int, int], float]:
    """(year, kind) -> people per million for everyone but those counted in the awards of QTS."""
    cells: dict[tuple[int, int], float] = {}

    def spread(kind: int, first: int, last: int, total: float, growth: float = 0.0) -> None:
        years = range(first, last + 1)
        weights = [1.0 + growth * (y - first) for y in years]
        for year, weight in zip(years, weights, strict=True):
            cells[(year, kind)] = cells.get((year, kind), 0.0) + total * weight / sum(weights)

    spread(QTLS, 2012, last_year, _QTLS)
    spread(EYTS, 2013, last_year, _EYTS)
    spread(EYPS, 2006, 2013, _EYPS)
    spread(PQTS, 1995, 2022, _PQTS)
    spread(TRAINING, last_year - 1, last_year, _TRAINING_NOW, 1.5)
    spread(TRAINING, 1992, last_year - 2, _TRAINING_ENDED, 0.05)
    return cells


@dataclass(frozen=True)
class Cohorts:
    """Runs of people of one kind and year, in the order of their numbers."""

    people: int
    years: Ints
    kinds: Ints
    ends: Ints
    """Number of the first person after each run."""

    def kind_and_year(self, start: int, stop: int) -> tuple[Ints, Ints]:
        """Kind (position in KINDS) and financial year of persons start..stop-1."""
        runs = np.searchsorted(self.ends, np.arange(start, stop), side="right")
        return self.kinds[runs], self.years[runs]

    def count(self, kind: int, year: int) -> int:
        """How many people of this kind this year has."""
        sizes = np.diff(self.ends, prepend=0)
        return int(sizes[(self.kinds == kind) & (self.years == year)].sum())


def make_cohorts(people: int, today: datetime.date) -> Cohorts:
    """The cohorts of so many people as of this day. Cells run by year, then by kind."""
    last_year = financial_year(today)
    per_million = _other_kinds(last_year)
    for year in range(FIRST_YEAR, last_year + 1):
        for kind, awards in zip((ITT, ASSESSMENT_ONLY, UK, OVERSEAS), awards_per_million(year), strict=True):
            per_million[(year, kind)] = awards
    rest = 1_000_000 - sum(per_million.values())
    if rest <= 0:
        raise ValueError("The planned kinds of people add up to more than a million per million.")
    open_years = range(1998, last_year + 1)
    for year in open_years:
        per_million[(year, NONE)] = rest / len(open_years)
    cells = sorted(per_million)
    # Round within each kind, so that a kind's yearly counts are never pushed about by another kind's fractions.
    counts = np.zeros(len(cells), np.int64)
    for kind in range(len(KINDS)):
        places = [i for i, cell in enumerate(cells) if cell[1] == kind]
        totals = np.cumsum([per_million[cells[i]] for i in places]) * people / 1_000_000
        counts[places] = np.diff(np.floor(totals + 0.5).astype(np.int64), prepend=0)
    # Whole people: the rounding of the kinds together is off by a few; the last cell of "none" takes it up.
    last_none = max(i for i, cell in enumerate(cells) if cell[1] == NONE)
    counts[last_none] = max(0, counts[last_none] + people - int(counts.sum()))
    ends = np.minimum(np.cumsum(counts), people)
    ends[-1] = people
    return Cohorts(people, np.array([c[0] for c in cells]), np.array([c[1] for c in cells]), ends)
