"""`make mutants` finds the tests that cannot fail: what it changes, and that it says which change was not noticed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import pytest

from mutants.accepted import Accepted, load_accepted
from mutants.changes import changes_of
from mutants.database import BuildFailed
from mutants.marks import marked, unmarked, with_change
from mutants.report import Report
from mutants.run import changes_by_model, try_project
from mutants.trying import Outcome
from tests.python.conftest import WorldDatabases
from warehouse.core.settings import PROJECT

PLANTED: Final = Path(__file__).parent / "project"

EVERY_KIND: Final = """
select distinct
    -- a and b, which no change touches
    max(a) as "or", coalesce(b, {{ macro('true and false') }}), coalesce(c, true),
    case when a between 1 and 2 and b is not null then 1 else 0 end
from {{ ref('x') }} as x left join y on x.a = y.a
where not d and e not in (1) and f = ' < '
union all
select 1 from z order by a desc
union all
select 2
"""


def test_what_can_be_changed() -> None:
    assert [(one.kind, one.change) for one in changes_of(EVERY_KIND)] == [
        ("union", "distinct → nothing"),
        ("aggregate", "max → min"),
        ("default", "{{ macro('true and false') }} → null"),
        ("default", "true → false"),
        ("comparison", "between → not between"),
        ("logic", "and → or"),
        ("comparison", "is not null → is null"),
        ("default", "0 → 1"),
        ("join", "left → inner"),
        ("comparison", "= → !="),
        ("logic", "not → nothing"),
        ("logic", "and → or"),
        ("comparison", "not in → in"),
        ("logic", "and → or (2)"),
        ("comparison", "= → !="),
        ("union", "union all → union distinct"),
        ("order", "desc → asc"),
    ]


def test_of_a_chain_of_unions_the_last_is_changed() -> None:
    """A distinct there takes repeats out of all that stands before it, and not of another query's rows."""
    sql = """
    with a as (select b from c union all select b from d union all select b from e union all select 1),
    f as (select b from a union all select b from g)
    """
    changes = changes_of(sql)
    assert [(one.change, sql[one.end :].split()[3]) for one in changes] == [
        ("union all → union distinct", "e"),
        ("union all → union distinct", "g)"),
    ]


def test_marks_leave_a_model_as_it_was_and_a_change_is_one_place() -> None:
    for path, changes in changes_by_model(PROJECT, []).items():
        sql = (PROJECT / path).read_text(encoding="utf-8")
        with_marks = marked(sql, changes)
        assert unmarked(with_marks) == sql, path
        for number, change in enumerate(changes):
            expected = f"{sql[: change.start]} {change.after} {sql[change.end :]}"
            assert with_change(with_marks, number, change.after) == expected, (path, change)


def test_each_accepted_change_is_one_that_can_be_made_and_has_a_reason() -> None:
    possible = {Path(path).stem: changes for path, changes in changes_by_model(PROJECT, []).items()}
    for row in load_accepted():
        assert any(row.covers(row.model, change) for change in possible[row.model]), row
        assert len(row.reason.split()) >= 4, row


@pytest.mark.slow
def test_a_planted_fault_is_noticed_and_one_that_no_test_sees_is_said(clusters: WorldDatabases) -> None:
    clusters.cluster("warehouse").create_database("mutants")
    conninfo = clusters.cluster("warehouse").conninfo("mutants")
    tried = try_project(PLANTED, conninfo, [], [])
    assert {(one.model, one.change.change, one.outcome, one.by) for one in tried} == {
        ("fct_watched", "max → min", Outcome.NOTICED, "the_last_visit_that_counts"),
        ("fct_watched", "not → nothing", Outcome.NOTICED, "the_last_visit_that_counts"),
        ("fct_overlooked", "max → min", Outcome.UNNOTICED, ""),
        ("fct_overlooked", "not → nothing", Outcome.NOTICED, "one_visit"),
    }
    report = Report(tried, [], seed=7)
    assert not report.is_good
    assert "fct_overlooked  max → min  not noticed  max(visited_on) as last_visit_date" in report.text()
    assert (
        "3 of 4 noticed (75.0%), 0 accepted with a reason, 1 not noticed; 0 more were no SQL. Seed 7." in report.text()
    )

    # With a reason it is accepted, and a row that is not needed any more is named.
    reason = Accepted("fct_overlooked", "max(visited_on) as last_visit_date", "max → min", "There is one visit each.")
    needless = Accepted("fct_watched", "where not is_deleted", "not → nothing", "Nobody deletes a visit.")
    again = try_project(PLANTED, conninfo, ["fct_overlooked"], [reason, needless])
    assert [one.outcome for one in again] == [Outcome.ACCEPTED, Outcome.NOTICED]
    assert Report(tried, [reason, needless], seed=7).stale == [needless]
    # One mutant of two may be accepted nowhere near: a twentieth is the most.
    assert not Report(again, [reason], seed=7).is_good


@pytest.mark.slow
def test_a_unit_test_that_fails_on_the_model_as_it_is_is_named(clusters: WorldDatabases, tmp_path: Path) -> None:
    shutil.copytree(PLANTED, tmp_path / "project")
    described = tmp_path / "project" / "models" / "marts" / "planted.yml"
    described.write_text(described.read_text(encoding="utf-8").replace("visit_date: '2026-01-01'", "visit_date: null"))
    clusters.cluster("warehouse").create_database("mutants_that_fail")
    with pytest.raises(BuildFailed, match="one_visit"):
        try_project(
            tmp_path / "project", clusters.cluster("warehouse").conninfo("mutants_that_fail"), ["fct_overlooked"], []
        )
