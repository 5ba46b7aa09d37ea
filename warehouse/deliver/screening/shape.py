"""Checks of the names of the files, and of which columns there are."""

from __future__ import annotations

import re

from warehouse.deliver.screening.checks import Check, Problem, Result, of_columns, of_rows, repeated
from warehouse.deliver.screening.known import (
    DATA_COLUMNS,
    META_COLUMNS,
    OBSERVATIONAL,
    OPTIONAL_META_COLUMNS,
    SMUSHED,
)
from warehouse.deliver.screening.pair import Pair

_META_SUFFIX = ".meta.csv"


def _spaces(pair: Pair) -> Problem | None:
    return Problem() if " " in pair.data_name + pair.meta_name else None


def _special(pair: Pair) -> Problem | None:
    bases = (pair.data_name.removesuffix(".csv"), pair.meta_name.removesuffix(_META_SUFFIX))
    return Problem() if any(re.search(r"[^A-Za-z0-9_\- ]", base) for base in bases) else None


def _match(pair: Pair) -> Problem | None:
    return None if pair.meta_name == pair.data_name.removesuffix(".csv") + _META_SUFFIX else Problem()


def _lower(pair: Pair) -> Problem | None:
    return None if pair.data_name == pair.data_name.lower() else Problem()


def _meta_columns_there(pair: Pair) -> Problem | None:
    return of_columns(name for name in META_COLUMNS if name not in pair.meta_columns)


def _meta_columns_known(pair: Pair) -> Problem | None:
    return of_columns(name for name in pair.meta_columns if name not in (*META_COLUMNS, *OPTIONAL_META_COLUMNS))


def _data_columns_there(pair: Pair) -> Problem | None:
    return of_columns(name for name in DATA_COLUMNS if name not in pair.columns)


def _enough_columns(pair: Pair) -> Problem | None:
    return Problem() if pair.meta_length > len(pair.columns) - len(DATA_COLUMNS) else None


def _once(pair: Pair) -> Problem | None:
    return of_columns(repeated(pair.columns))


def _empty_rows(pair: Pair) -> Problem | None:
    rows = [number for number, row in enumerate(pair.rows_of(pair.columns), start=1) if not any(row)]
    return of_rows([(pair.columns[0], rows)])


def _empty_columns(pair: Pair) -> Problem | None:
    return of_columns(name for name, cells in pair.data.items() if not any(cells))


def _meta_in_data(pair: Pair) -> Problem | None:
    named = [*pair.meta["col_name"], *pair.groups.values()]
    return of_columns(name for name in named if name and name not in pair.columns)


def _data_in_meta(pair: Pair) -> Problem | None:
    told = OBSERVATIONAL | {*pair.meta["col_name"], *pair.groups.values()}
    return of_columns(name for name, cells in pair.data.items() if name not in told and len(set(cells)) > 1)


def _without_spaces(pair: Pair) -> Problem | None:
    return of_columns(name for name in pair.columns if re.search(r"\s", name))


def _snake_case(pair: Pair) -> Problem | None:
    return of_columns(name for name in pair.columns if not re.fullmatch(r"[a-z0-9_]*", name))


def _first_letter(pair: Pair) -> Problem | None:
    return of_columns(name for name in pair.columns if not re.match(r"[a-z]", name))


def _smushed(pair: Pair) -> Problem | None:
    return of_columns(name for name in pair.indicators if SMUSHED.search(name))


def _characteristic(pair: Pair) -> Problem | None:
    named = {*pair.meta["col_name"], *pair.groups.values()}
    return of_columns(name for name in ("characteristic", "characteristic_group") if name in named)


FILE_NAMES = (
    Check("filename_spaces", "the names of the files have no spaces", _spaces),
    Check("filename_special", "the names have letters, digits, hyphens and underscores alone", _special),
    Check("filenames_match", "the metadata is called as the data, with .meta.csv", _match),
    Check("filename_lower_case", "the names are in lower case", _lower),
)
COLUMNS_THERE = (
    Check("col_req_meta", "the metadata has every mandatory column", _meta_columns_there),
    Check("col_invalid_meta", "the metadata has no other column", _meta_columns_known),
    Check("col_req_data", "the data has every mandatory column", _data_columns_there),
    Check("col_dupes", "no column of the data is there twice", _once),
    Check("col_to_rows", "there are no more rows of metadata than columns they can be about", _enough_columns),
    Check("empty_rows", "no row of the data is empty", _empty_rows),
    Check("empty_cols", "no column of the data is empty", _empty_columns),
)
ACROSS_FILES = (
    Check("cross_meta_to_data", "each column of the metadata is in the data", _meta_in_data),
    Check("cross_data_to_meta", "each column of the data that varies is known", _data_in_meta, Result.WARNING),
)
COLUMN_NAMES = (
    Check("col_names_spaces", "no name of a column has a space", _without_spaces),
    Check("col_snake_case", "names of columns are snake_case", _snake_case, Result.WARNING),
    Check("col_var_start", "names of columns begin with a small letter", _first_letter, Result.WARNING),
    Check("col_ind_smushed", "no indicator is named after an item that a filter should have", _smushed),
    Check("col_var_characteristic", "no filter is called characteristic", _characteristic, Result.WARNING),
)
