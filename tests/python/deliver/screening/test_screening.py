"""Each published check finds what it is for, and a file that is as it should be passes them all."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.python.deliver.screening.pairs import Files, Spoil
from warehouse.deliver.screening.checks import Result
from warehouse.deliver.screening.known import LEVELS, MOST_ITEMS
from warehouse.deliver.screening.pair import NotReadable, read_pair
from warehouse.deliver.screening.screen import CHECKS, Screening, screen

SECRET = "QQ-a-value"


def _named(base: str) -> Spoil:
    def spoil(files: Files) -> None:
        files.name, files.meta_name = f"{base}.csv", f"{base}.meta.csv"

    return spoil


def _other_name(files: Files) -> None:
    files.meta_name = "awards.meta.csv"


def _column_more(files: Files) -> None:
    files.meta_header.append("note")
    for row in files.meta:
        row.append("")


def _no_country(files: Files) -> None:
    files.drop("country_name")
    files.add("country", *["England"] * 4)


def _mixed(files: Files) -> None:
    files.rows[3][2:7] = ["School", *files.rows[3][3:5], "", ""]
    for name in LEVELS["School"].columns:
        files.add(name, "", "", "", "1")


def _again(files: Files) -> None:
    files.rows.append(list(files.rows[0]))


def _second_filter(files: Files, group: str) -> None:
    """Another filter, in a group."""
    files.add("subject", "Total", "Physics", "Total", "Total")
    files.meta.append(["subject", "Filter", "Subject", "", "", "", "", group])


def _too_many_items(files: Files) -> None:
    whole = files.rows[1]
    files.rows += [[*whole[:8], f"Route {number}", *whole[9:]] for number in range(MOST_ITEMS)]


def _one_level(files: Files) -> None:
    del files.rows[2:]


SPOILT: dict[str, Spoil] = {
    "filename_spaces": _named("qts awards"),
    "filename_special": _named("qts+awards"),
    "filenames_match": _other_name,
    "filename_lower_case": _named("QTS"),
    "col_req_meta": lambda files: files.drop_meta("filter_hint"),
    "col_invalid_meta": _column_more,
    "col_req_data": _no_country,
    "col_dupes": lambda files: files.add("route", "Total", "ITT England", "Total", "Total"),
    "col_to_rows": lambda files: files.meta.extend([[f"more_{number}", *files.meta[1][1:]] for number in range(4)]),
    "empty_rows": lambda files: files.rows.append([""] * len(files.header)),
    "empty_cols": lambda files: files.add("note", "", "", "", ""),
    "cross_meta_to_data": lambda files: files.tell(2, "col_name", "awards"),
    "cross_data_to_meta": lambda files: files.add("sex", "Total", "Total", "Total", "F"),
    "col_names_spaces": lambda files: files.rename("award_count", "award count"),
    "col_snake_case": lambda files: files.rename("award_count", "award_Count"),
    "col_var_start": lambda files: files.rename("award_count", "1_award_count"),
    "col_ind_smushed": lambda files: files.rename("award_count", "female_count"),
    "col_var_characteristic": lambda files: files.rename("route", "characteristic"),
    "meta_col_type": lambda files: files.tell(2, "col_type", "indicator"),
    "meta_ob_unit": lambda files: files.tell(2, "col_name", "country_code"),
    "meta_col_name": lambda files: files.tell(2, "col_name", ""),
    "meta_dupe_label": lambda files: files.tell(2, "label", "Route"),
    "meta_fil_grp": lambda files: files.tell(2, "filter_grouping_column", "route_group"),
    "meta_fil_grp_dupe": lambda files: _second_filter(files, "route_group"),
    "meta_fil_grp_is_fil": lambda files: _second_filter(files, "route"),
    "meta_fil_grp_stripped": lambda files: files.put(2, "route_group", "Total!"),
    "meta_label": lambda files: files.tell(2, "label", ""),
    "meta_filter_hint": lambda files: files.tell(2, "filter_hint", "Filter by number"),
    "meta_geog_catch": lambda files: files.rename("route", "school"),
    "meta_indicator_dp": lambda files: files.tell(1, "indicator_dp", "0"),
    "meta_col_name_spaces": lambda files: files.rename("award_count", "award count"),
    "meta_col_name_dupe": lambda files: files.tell(3, "col_name", "award_count"),
    "meta_ind_dp_set": lambda files: files.tell(2, "indicator_dp", ""),
    "meta_ind_dp_values": lambda files: files.tell(2, "indicator_dp", "one"),
    "meta_ind_unit": lambda files: files.tell(1, "indicator_unit", "%"),
    "meta_ind_unit_validation": lambda files: files.tell(3, "indicator_unit", "percent"),
    "meta_indicator_grouping": lambda files: files.tell(1, "indicator_grouping", "Awards"),
    "general_null": lambda files: files.put(3, "route", "NA"),
    "general_legacy": lambda files: files.put(3, "provider_name", "n/a"),
    "filter_not_singular": lambda files: files.put(2, "route", "Total"),
    "time_period_num": lambda files: files.put(3, "time_period", "2024/25"),
    "time_id_valid": lambda files: files.put_all("time_identifier", "School year"),
    "time_id_mix": lambda files: files.put(3, "time_identifier", "Financial year"),
    "geog_level": lambda files: files.put(3, "geographic_level", "College"),
    "geog_level_present": lambda files: files.drop("provider_name"),
    "geog_not_screened": _mixed,
    "time_period": lambda files: files.put(3, "time_period", "2024"),
    "time_period_six": lambda files: files.put(3, "time_period", "202426"),
    "filter_defaults": lambda files: files.put_all("route_group", "England"),
    "filter_group_level": lambda files: files.put(3, "route_group", "Other"),
    "filter_item_limit": _too_many_items,
    "filter_whitespace": lambda files: files.put(3, "provider_name", "College "),
    "filter_ob_total": lambda files: files.put(3, "provider_name", "All"),
    "filter_blanks": lambda files: files.put(3, "route", ""),
    "general_dupes": _again,
    "geog_country_combos": lambda files: files.put(3, "country_name", "Britain"),
    "geog_level_completed": lambda files: files.put(3, "provider_ukprn", ""),
    "geog_schools_and_providers": _mixed,
    "geog_na": lambda files: files.put(4, "provider_name", "None"),
    "geog_na_code": lambda files: files.put(4, "provider_ukprn", "z"),
    "geog_overcompleted_cols": lambda files: files.put(1, "provider_ukprn", "10000001"),
    "ind_invalid_entry": lambda files: files.put(3, "award_count", "-"),
    "ind_symbols": lambda files: files.put(3, "award_count", SECRET),
    "api_char_col_name": lambda files: files.rename("award_count", "a" * 51),
    "api_char_col_label": lambda files: files.tell(2, "label", "a" * 81),
    "api_char_loc_code": lambda files: files.put(3, "provider_ukprn", "1" * 31),
    "api_char_filter_items": lambda files: files.put(3, "provider_name", "a" * 121),
}
NOT_ALONE = {"geog_ignored_rows", "meta_fil_grp_match", "geog_schools_and_providers", "meta_col_name_spaces"}
"""Of these another check of an earlier stage says the same, or every file with providers has it; see below."""


def screened(tmp_path: Path, spoil: Spoil) -> Screening:
    files = Files()
    spoil(files)
    return screen(*files.write(tmp_path))


def test_a_file_as_it_should_be_passes(tmp_path: Path) -> None:
    found = screen(*Files().write(tmp_path))
    assert [one.check.name for one in found.failed] == []
    # The table tool leaves out rows of providers beside others: true of each such file, and no fault.
    assert [one.check.name for one in found.warnings] == ["geog_ignored_rows"]
    assert len(found.outcomes) == len(CHECKS)
    assert found.stopped_at is None
    assert found.as_dict() == {"checks": len(CHECKS), "warnings": ["geog_ignored_rows"]}


def test_each_check_has_a_file_that_it_finds() -> None:
    assert sorted(check.name for check in CHECKS) == sorted(set(SPOILT) | NOT_ALONE)


def test_without_other_levels_nothing_is_left_out(tmp_path: Path) -> None:
    assert screened(tmp_path, _one_level).warnings == ()


@pytest.mark.parametrize("name", sorted(set(SPOILT) - NOT_ALONE))
def test_each_check_finds_what_it_is_for(tmp_path: Path, name: str) -> None:
    """Without the check the file would pass: no other one finds what is wrong, but those that say more of it."""
    found = screened(tmp_path, SPOILT[name])
    outcome = next(one for one in found.outcomes if one.check.name == name)
    assert outcome.result is outcome.check.severity
    assert outcome.result in (Result.FAIL, Result.WARNING)
    assert SECRET not in found.report()


@pytest.mark.parametrize("name", sorted(NOT_ALONE - {"geog_ignored_rows"}))
def test_what_an_earlier_stage_would_find_is_found_without_it(tmp_path: Path, name: str) -> None:
    files = Files()
    if name == "meta_fil_grp_match":
        files.tell(1, "filter_grouping_column", "group")
    else:
        SPOILT[name](files)
    pair = read_pair(*files.write(tmp_path))
    assert next(check for check in CHECKS if check.name == name).finds(pair) is not None


def test_a_breach_names_columns_and_rows_and_no_value(tmp_path: Path) -> None:
    found = screened(tmp_path, lambda files: files.put(3, "award_count", SECRET))
    (breach,) = found.breaches()
    assert breach.rule == "ind_symbols"
    assert breach.columns == ("award_count",)
    assert breach.where == "qts_awards.csv row 3"
    assert SECRET not in str(breach)


def test_a_breach_of_the_metadata_names_that_file(tmp_path: Path) -> None:
    (breach,) = screened(tmp_path, lambda files: files.tell(2, "label", "")).breaches()
    assert breach.where == "qts_awards.meta.csv row 2"


def test_a_stage_that_fails_is_the_last(tmp_path: Path) -> None:
    found = screened(tmp_path, _no_country)
    assert found.stopped_at == "columns"
    assert "more checks rest on what failed there" in found.report()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a,b\r\n1\r\n", "row 1 has 1 fields, the header 2"),
        (b"a,b\r\n1,\xff\r\n", "is not UTF-8"),
        (b'a,b\r\n1,"2\r\n', "is no CSV file"),
    ],
)
def test_what_is_no_csv_file_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    data, meta = Files().write(tmp_path)
    data.write_bytes(content)
    with pytest.raises(NotReadable, match=says):
        screen(data, meta)


CELLS = st.sampled_from(
    ["", "Total", "England", "National", "Provider", "202425", "c", "NULL", " x", "Filter", "é", "1", "award_count"]
)
DATA = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 10), CELLS), max_size=12)
META = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 7), CELLS), max_size=6)


@given(DATA, META)
def test_no_file_makes_a_check_stumble(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[int, int, str]], told: list[tuple[int, int, str]]
) -> None:
    """Whatever stands in the cells there is an answer, and a file that fails says by what."""
    files = Files()
    for row, column, value in cells:
        files.rows[row][column] = value
    for row, column, value in told:
        files.meta[row][column] = value
    found = screen(*files.write(tmp_path_factory.getbasetemp()))
    assert (found.stopped_at is None) == (not found.breaches())
