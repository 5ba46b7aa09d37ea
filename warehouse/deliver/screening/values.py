"""Checks of what stands in the rows: filters, time and indicators."""

from __future__ import annotations

import re

from warehouse.deliver.screening.checks import Check, Problem, Result, of_columns, of_meta_rows, of_rows
from warehouse.deliver.screening.known import (
    FOUR_DIGITS,
    IGNORED_LEVELS,
    KINDS_OF_TIME,
    LIKE_A_PLACE,
    LONGEST_CODE,
    LONGEST_COLUMN,
    LONGEST_ITEM,
    LONGEST_LABEL,
    MOST_ITEMS,
    NULLS,
    NUMBER,
    OBSERVATIONAL,
    OLD_SYMBOLS,
    SYMBOLS,
    TOTAL,
)
from warehouse.deliver.screening.pair import Pair

_CODES = frozenset(name for name in OBSERVATIONAL if name.endswith(("_code", "_id", "_urn", "_ukprn", "_laestab")))
_PLACES = frozenset(name for name in OBSERVATIONAL if name.endswith("_name"))


def _nulls(pair: Pair) -> Problem | None:
    if found := of_meta_rows(pair, "label", lambda row: not NULLS.isdisjoint(row.values())):
        return found
    return of_rows((name, pair.rows_where(name, NULLS)) for name in pair.columns)


def _old_symbols(pair: Pair) -> Problem | None:
    others = [name for name in pair.columns if name not in pair.indicators]
    return of_rows((name, pair.rows_where(name, OLD_SYMBOLS)) for name in others)


def _two_items(pair: Pair) -> Problem | None:
    return of_columns(name for name in pair.filters if len(set(pair.data[name])) < 2)


def _digits(pair: Pair) -> Problem | None:
    wrong = {one for one in set(pair.data["time_period"]) if not re.fullmatch(r"[0-9]+", one)}
    return of_rows([("time_period", pair.rows_where("time_period", wrong))])


def _time_known(pair: Pair) -> Problem | None:
    wrong = set(pair.data["time_identifier"]).difference(*KINDS_OF_TIME)
    return of_rows([("time_identifier", pair.rows_where("time_identifier", wrong))])


def _time_mixed(pair: Pair) -> Problem | None:
    there = set(pair.data["time_identifier"])
    return None if any(there <= kind for kind in KINDS_OF_TIME) else of_columns(["time_identifier"])


def _time_length(pair: Pair) -> Problem | None:
    lengths = [4 if kind in FOUR_DIGITS else 6 for kind in pair.data["time_identifier"]]
    both = zip(pair.data["time_period"], lengths, strict=True)
    rows = [number for number, (time, length) in enumerate(both, start=1) if len(time) != length]
    return of_rows([("time_period", rows)])


def _years_follow(pair: Pair) -> Problem | None:
    six = {one for one in set(pair.data["time_period"]) if len(one) == 6}
    wrong = {one for one in six if (int(one[2:4]) + 1) % 100 != int(one[4:])}
    return of_rows([("time_period", pair.rows_where("time_period", wrong))])


def _default(pair: Pair) -> Problem | None:
    defaults = {row["col_name"]: row.get("filter_default") or TOTAL for row in pair.meta_rows}
    return of_columns(name for name in pair.filters_and_groups if defaults.get(name, TOTAL) not in set(pair.data[name]))


def _fewer_groups(pair: Pair) -> Problem | None:
    return of_columns(
        group for name, group in pair.groups.items() if len(set(pair.data[group])) > len(set(pair.data[name]))
    )


def _items(pair: Pair) -> Problem | None:
    return of_columns(name for name in pair.filters_and_groups if len(set(pair.data[name])) > MOST_ITEMS)


def _whitespace(pair: Pair) -> Problem | None:
    columns = [*pair.filters_and_groups, *(name for name in pair.columns if name in OBSERVATIONAL)]
    wrong = {name: {one for one in set(pair.data[name]) if one != one.strip()} for name in columns}
    return of_rows((name, pair.rows_where(name, wrong[name])) for name in columns)


def _no_totals(pair: Pair) -> Problem | None:
    columns = [
        name for name in pair.columns if (name in OBSERVATIONAL or LIKE_A_PLACE.search(name)) and pair.filters != [name]
    ]
    return of_rows((name, pair.rows_where(name, (TOTAL, "total", "All", "all"))) for name in columns)


def _filled(pair: Pair) -> Problem | None:
    return of_rows((name, pair.rows_where(name, ("",))) for name in pair.filters_and_groups)


def _rows_once(pair: Pair) -> Problem | None:
    levels = pair.levels
    alone = len(levels) == 1 and levels <= {"School", "Provider"}
    left_out = ("Institution", "Planning area") if alone else IGNORED_LEVELS
    columns = [name for name in pair.columns if name in OBSERVATIONAL or name in pair.filters_and_groups]
    seen: set[tuple[str, ...]] = set()
    rows = []
    for number, (row, level) in enumerate(
        zip(pair.rows_of(columns), pair.data["geographic_level"], strict=True), start=1
    ):
        if level in left_out:
            continue
        if row in seen:
            rows.append(number)
        seen.add(row)
    return of_rows([(columns[0], rows)])


def _indicator_filled(pair: Pair) -> Problem | None:
    return of_rows((name, pair.rows_where(name, {"", *OLD_SYMBOLS})) for name in pair.indicators)


def _indicator_known(pair: Pair) -> Problem | None:
    wrong = {
        name: {one for one in set(pair.data[name]) if one not in SYMBOLS and not NUMBER.match(one)}
        for name in pair.indicators
    }
    return of_rows((name, pair.rows_where(name, wrong[name])) for name in pair.indicators)


def _long_columns(pair: Pair) -> Problem | None:
    return of_columns(name for name in pair.columns if len(name) > LONGEST_COLUMN)


def _long_labels(pair: Pair) -> Problem | None:
    return of_meta_rows(pair, "label", lambda row: len(row["label"]) > LONGEST_LABEL)


def _too_long(pair: Pair, columns: list[str], longest: int) -> Problem | None:
    wrong = {name: {one for one in set(pair.data[name]) if len(one) > longest} for name in columns}
    return of_rows((name, pair.rows_where(name, wrong[name])) for name in columns)


def _long_codes(pair: Pair) -> Problem | None:
    return _too_long(pair, [name for name in pair.columns if name in _CODES], LONGEST_CODE)


def _long_items(pair: Pair) -> Problem | None:
    columns = [name for name in pair.columns if name in _PLACES or name in pair.filters_and_groups]
    return _too_long(pair, columns, LONGEST_ITEM)


GENERAL = (
    Check("general_null", "no cell says NULL or NA", _nulls),
    Check("general_legacy", "no cell has a symbol that is no longer used for no data", _old_symbols, Result.WARNING),
)
FILTERS_DIFFER = (Check("filter_not_singular", "each filter has two items or more", _two_items),)
TIMES_VALID = (
    Check("time_period_num", "each time_period has digits alone", _digits),
    Check("time_id_valid", "each time_identifier is a known one", _time_known),
    Check("time_id_mix", "time identifiers are of one kind", _time_mixed),
)
TIMES = (
    Check("time_period", "each time_period is as long as its identifier wants", _time_length),
    Check("time_period_six", "six digits are a year and the one after", _years_follow),
)
FILTERS = (
    Check("filter_defaults", "each filter has a Total, or the default that it names", _default, Result.WARNING),
    Check("filter_group_level", "a filter has as many items as its groups, or more", _fewer_groups),
    Check("filter_item_limit", f"no filter has more than {MOST_ITEMS:,} items", _items),
    Check("filter_whitespace", "no item or place begins or ends with a space", _whitespace),
    Check("filter_ob_total", "no column of a place or a time says Total or All", _no_totals),
    Check("filter_blanks", "no filter is empty in any row", _filled),
)
ROWS = (Check("general_dupes", "no two rows are about the same (rows of providers beside others aside)", _rows_once),)
INDICATORS = (
    Check("ind_invalid_entry", "no indicator is empty, or has a symbol that is no longer used", _indicator_filled),
    Check("ind_symbols", "each indicator is a number, or z, x, c, low, k or u", _indicator_known),
)
LIMITS = (
    Check("api_char_col_name", f"names of columns have {LONGEST_COLUMN} characters at most", _long_columns),
    Check("api_char_col_label", f"labels have {LONGEST_LABEL} characters at most", _long_labels),
    Check("api_char_loc_code", f"codes of places have {LONGEST_CODE} characters at most", _long_codes),
    Check("api_char_filter_items", f"items and names of places have {LONGEST_ITEM} characters at most", _long_items),
)
