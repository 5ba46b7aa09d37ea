"""Checks of what the metadata says of each filter and indicator."""

from __future__ import annotations

import re

from warehouse.deliver.screening.checks import Check, Problem, Result, of_columns, of_meta_rows, repeated
from warehouse.deliver.screening.known import FILTER, INDICATOR, LIKE_A_PLACE, OBSERVATIONAL, UNITS
from warehouse.deliver.screening.pair import Pair

_NAMES_OF_PLACES = ("school_name", "provider_name")


def _type(pair: Pair) -> Problem | None:
    return of_meta_rows(pair, "col_type", lambda row: row["col_type"] not in (FILTER, INDICATOR))


def _about_rows(pair: Pair) -> Problem | None:
    named = {*pair.meta["col_name"], *pair.groups.values()}
    return of_columns(sorted((OBSERVATIONAL - set(_NAMES_OF_PLACES)) & named))


def _named(pair: Pair) -> Problem | None:
    return of_meta_rows(pair, "col_name", lambda row: not row["col_name"])


def _label_once(pair: Pair) -> Problem | None:
    twice = set(repeated(pair.meta["label"]))
    return of_meta_rows(pair, "label", lambda row: row["label"] in twice and bool(row["label"]))


def _group_of_filter(pair: Pair) -> Problem | None:
    wrong = lambda row: row["col_type"] == INDICATOR and bool(row["filter_grouping_column"])  # noqa: E731
    return of_meta_rows(pair, "filter_grouping_column", wrong)


def _group_once(pair: Pair) -> Problem | None:
    return of_columns(repeated(pair.groups.values()))


def _group_is_no_filter(pair: Pair) -> Problem | None:
    return of_columns(name for name in pair.groups.values() if name in pair.filters)


def _group_in_data(pair: Pair) -> Problem | None:
    return of_columns(name for name in pair.groups.values() if name not in pair.columns)


def _group_stripped(pair: Pair) -> Problem | None:
    """Items of a group that differ by punctuation alone are one item to the table tool."""
    found = []
    for name in pair.groups.values():
        items = set(pair.data.get(name, ()))
        if len({re.sub(r"[^A-Za-z0-9]", "", item) for item in items}) != len(items):
            found.append(name)
    return of_columns(found)


def _labelled(pair: Pair) -> Problem | None:
    return of_meta_rows(pair, "label", lambda row: not row["label"])


def _hint_of_filter(pair: Pair) -> Problem | None:
    return of_meta_rows(pair, "filter_hint", lambda row: row["col_type"] == INDICATOR and bool(row["filter_hint"]))


def _no_place(pair: Pair) -> Problem | None:
    named = pair.filters_and_groups
    if len(pair.filters) == 1:
        named = [name for name in named if name not in _NAMES_OF_PLACES]
    return of_columns(name for name in named if LIKE_A_PLACE.search(name))


def _places_of_indicator(pair: Pair) -> Problem | None:
    return of_meta_rows(pair, "indicator_dp", lambda row: row["col_type"] == FILTER and bool(row["indicator_dp"]))


def _name_spaces(pair: Pair) -> Problem | None:
    return of_meta_rows(pair, "col_name", lambda row: bool(re.search(r"\s", row["col_name"])))


def _name_once(pair: Pair) -> Problem | None:
    return of_columns(repeated(name for name in pair.meta["col_name"] if name))


def _places_set(pair: Pair) -> Problem | None:
    wrong = lambda row: row["col_type"] == INDICATOR and not row["indicator_dp"].strip()  # noqa: E731
    return of_meta_rows(pair, "indicator_dp", wrong)


def _places_whole(pair: Pair) -> Problem | None:
    wrong = lambda row: bool(row["indicator_dp"]) and not re.fullmatch(r"[0-9]+", row["indicator_dp"])  # noqa: E731
    return of_meta_rows(pair, "indicator_dp", wrong)


def _unit_of_indicator(pair: Pair) -> Problem | None:
    return of_meta_rows(pair, "indicator_unit", lambda row: row["col_type"] == FILTER and bool(row["indicator_unit"]))


def _unit_known(pair: Pair) -> Problem | None:
    wrong = lambda row: row["col_type"] == INDICATOR and row["indicator_unit"] not in UNITS  # noqa: E731
    return of_meta_rows(pair, "indicator_unit", wrong)


def _grouping_of_indicator(pair: Pair) -> Problem | None:
    wrong = lambda row: row["col_type"] == FILTER and bool(row["indicator_grouping"])  # noqa: E731
    return of_meta_rows(pair, "indicator_grouping", wrong)


KINDS = (
    Check("meta_col_type", "each column is a Filter or an Indicator", _type),
    Check("meta_ob_unit", "no column of a place or a time is in the metadata", _about_rows),
    Check("meta_col_name", "each row of the metadata names its column", _named),
)
METADATA = (
    Check("meta_dupe_label", "no two columns have one label", _label_once),
    Check("meta_fil_grp", "only a filter has a column that groups it", _group_of_filter),
    Check("meta_fil_grp_dupe", "no column groups two filters", _group_once),
    Check("meta_fil_grp_is_fil", "no column that groups is a filter itself", _group_is_no_filter),
    Check("meta_fil_grp_match", "each column that groups is in the data", _group_in_data),
    Check("meta_fil_grp_stripped", "groups differ by more than punctuation", _group_stripped),
    Check("meta_label", "each column has a label", _labelled),
    Check("meta_filter_hint", "only a filter has a hint", _hint_of_filter),
    Check("meta_geog_catch", "no filter is a column of a place", _no_place),
    Check("meta_indicator_dp", "only an indicator has decimal places", _places_of_indicator),
    Check("meta_col_name_spaces", "no name in the metadata has a space", _name_spaces),
    Check("meta_col_name_dupe", "no column is in the metadata twice", _name_once),
    Check("meta_ind_dp_set", "each indicator says its decimal places", _places_set, Result.WARNING),
    Check("meta_ind_dp_values", "decimal places are a whole number", _places_whole),
    Check("meta_ind_unit", "only an indicator has a unit", _unit_of_indicator),
    Check("meta_ind_unit_validation", "units are those that are known", _unit_known),
    Check("meta_indicator_grouping", "only an indicator has a grouping", _grouping_of_indicator),
)
