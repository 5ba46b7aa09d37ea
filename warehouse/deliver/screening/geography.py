"""Checks of the place that each row is about. Of levels whose codes are the ONS's nothing is let pass unchecked."""

from __future__ import annotations

from warehouse.deliver.screening.checks import Check, Problem, Result, of_columns, of_rows
from warehouse.deliver.screening.known import COUNTRIES, IGNORED_LEVELS, LEVELS, NOT_AVAILABLE, SCREENED_LEVELS
from warehouse.deliver.screening.pair import Pair

_LEVEL = "geographic_level"


def _known(pair: Pair) -> Problem | None:
    return of_rows([(_LEVEL, pair.rows_where(_LEVEL, pair.levels - set(LEVELS)))])


def _columns_there(pair: Pair) -> Problem | None:
    wanted = [name for level in sorted(pair.levels & set(LEVELS)) for name in LEVELS[level].columns]
    return of_columns(name for name in wanted if name not in pair.columns)


def _screened(pair: Pair) -> Problem | None:
    return of_rows([(_LEVEL, pair.rows_where(_LEVEL, pair.levels - set(SCREENED_LEVELS)))])


def _country(pair: Pair) -> Problem | None:
    both = pair.rows_of(("country_code", "country_name"))
    rows = [number for number, (code, name) in enumerate(both, start=1) if COUNTRIES.get(code) != name]
    return of_rows([("country_code", rows)])


def _completed(pair: Pair) -> Problem | None:
    found = []
    for level in sorted(pair.levels & set(LEVELS)):
        there = set(pair.rows_where(_LEVEL, (level,)))
        for name in LEVELS[level].columns:
            found.append((name, sorted(there & set(pair.rows_where(name, ("",))))))
    return of_rows(found)


def _ignored(pair: Pair) -> Problem | None:
    if len(pair.levels) == 1 and pair.levels <= {"School", "Provider"}:
        return None
    return of_rows([(_LEVEL, pair.rows_where(_LEVEL, IGNORED_LEVELS))])


def _schools_and_providers(pair: Pair) -> Problem | None:
    return of_columns([_LEVEL] if {"School", "Provider"} <= pair.levels else [])


def _named_not_available(pair: Pair) -> Problem | None:
    return _not_available(pair, by_code=True)


def _coded_not_available(pair: Pair) -> Problem | None:
    return _not_available(pair, by_code=False)


def _not_available(pair: Pair, *, by_code: bool) -> Problem | None:
    columns = LEVELS["Provider"].columns
    if not set(columns) <= set(pair.columns):
        return None
    code, name = NOT_AVAILABLE
    rows = [
        number
        for number, (its_code, its_name) in enumerate(pair.rows_of(columns), start=1)
        if (its_code == code and its_name != name if by_code else its_name == name and its_code != code)
    ]
    return of_rows([(columns[0], rows)])


def _not_overcompleted(pair: Pair) -> Problem | None:
    """A row of a higher level says nothing of a place below it."""
    found = []
    for level in LEVELS.values():
        if level.name == "National":
            continue
        elsewhere = pair.levels - {level.name}
        there = set(pair.rows_where(_LEVEL, elsewhere))
        for name in level.columns:
            if name in pair.columns:
                empty = set(pair.rows_where(name, ("",)))
                found.append((name, sorted(there - empty)))
    return of_rows(found)


LEVELS_VALID = (
    Check("geog_level", "each geographic_level is a known one", _known),
    Check("geog_level_present", "each level has the columns of its places", _columns_there),
    Check("geog_not_screened", f"there are no levels but {' and '.join(SCREENED_LEVELS)}", _screened),
)
GEOGRAPHY = (
    Check("geog_country_combos", "each country has the code and name that belong together", _country),
    Check("geog_level_completed", "each row has the code and name of its place", _completed),
    Check("geog_ignored_rows", "the table tool leaves out no row", _ignored, Result.WARNING),
    Check("geog_schools_and_providers", "schools and providers are not mixed", _schools_and_providers),
    Check("geog_na", "a place with the code x is called Not available", _named_not_available),
    Check("geog_na_code", "a place called Not available has the code x", _coded_not_available),
    Check("geog_overcompleted_cols", "no row has the place of another level", _not_overcompleted),
)
