"""The file that says what became of the old names is whole, and agrees with the views and with what is replicated."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from docs import legacy
from warehouse.core import old_names
from warehouse.core.classes import Classes
from warehouse.core.errors import TermsError
from warehouse.core.settings import PROJECT

HEAD = "legacy_table,legacy_columns,outcome,made_of,explanation,gone_since,use_instead\n"
VIEWS = {file.stem for file in (PROJECT / "models" / "legacy").glob("*/*.sql")}


def test_every_column_is_there_once_and_the_counts_sum() -> None:
    columns = old_names.load()
    assert len(columns) == len({(one.table, one.name) for one in columns}) == 4_230
    assert len({one.table for one in columns}) == 84
    assert sum(Counter(one.outcome for one in columns).values()) == 4_230
    assert not [one for one in columns if one.name != one.name.lower() or one.table != one.table.lower()]


def test_each_outcome_says_what_it_has_to() -> None:
    replicated = Classes().replicated_columns
    for one in old_names.load():
        if one.outcome == "same":
            table, _, column = one.made_of.partition(".")
            assert column in replicated[table], one
        elif one.outcome == "derived":
            assert one.explanation, one
        else:
            assert one.explanation and one.gone_since[:2] == "20", one


def test_there_is_a_view_of_each_table_with_a_successor_and_of_no_other() -> None:
    tables = {one.table for one in old_names.load()}
    assert {name for name in tables if old_names.has_view(name)} | set(old_names.RENAMED) == VIEWS
    # A view has one name, whatever letters it is asked by; the one table of two names is said to be it.
    assert not set(old_names.RENAMED) & tables
    assert old_names.columns_of("DFETA_Sanction") == old_names.columns_of("dfeta_sanction_legacy") != {}


def test_every_view_goes_on_one_day() -> None:
    assert legacy.until().year == 2028


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        (
            "contact,id:int name:text,same,persons.*,,,\ncontact,id:int,gone,,x,2025-11,\n",
            "`id` of `contact` is there 2",
        ),
        ("contact,id:int,lost,,,,\n", "`id` of `contact` is `lost`; it must be same, derived, gone"),
    ],
)
def test_two_answers_about_one_name_are_refused(tmp_path: Path, rows: str, named: str) -> None:
    file = tmp_path / "legacy_columns.csv"
    file.write_text(HEAD + rows, encoding="utf-8")
    with pytest.raises(TermsError) as caught:
        old_names.load(file)
    assert named in caught.value.what
    assert "Correct" in caught.value.next_command
