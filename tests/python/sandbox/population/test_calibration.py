"""Awards of QTS by route and financial year agree with the published figures, scaled to the size of the world."""

from __future__ import annotations

import datetime

import psycopg
import pytest

from sandbox.defaults import FIRST_DAY, PEOPLE
from sandbox.population.cohorts import ITT, KINDS, OVERSEAS, PUBLISHED_AWARDS, make_cohorts

AWARDS = """
    SELECT extract(year FROM q.holds_from - interval '3 months')::int AS year,
           CASE WHEN t.name = 'Assessment Only' THEN 1
                WHEN t.name IN ('Welsh Recognition', 'Scottish Recognition', 'Northern Irish Recognition') THEN 2
                WHEN t.name IN ('Apply for Qualified Teacher Status in England', 'European Recognition', 'EC directive',
                                'Overseas Trained Teacher Recognition') THEN 3
                ELSE 0 END AS share, count(*)
    FROM qualifications q JOIN route_to_professional_status_types t USING (route_to_professional_status_type_id)
    WHERE q.deleted_on IS NULL AND q.status = 1 AND t.professional_status_type = 0
      AND t.name <> 'QTLS and SET Membership'
    GROUP BY 1, 2
"""


@pytest.mark.slow
def test_awards_of_the_published_years(world: psycopg.Connection) -> None:
    found = {(year, share): n for year, share, n in world.execute(AWARDS)}
    for year, published in PUBLISHED_AWARDS.items():
        for share, awards in enumerate(published):
            # Whole people: rounding moves a count by one at most.
            assert abs(found.get((year, share), 0) - awards * PEOPLE / 1_000_000) <= 1, (year, share)


@pytest.mark.slow
def test_overseas_awards_follow_the_opening_of_the_new_service(world: psycopg.Connection) -> None:
    query = """SELECT count(*) FILTER (WHERE t.name LIKE 'Apply%%' AND q.holds_from < '2023-02-01'),
                      count(*) FILTER (WHERE t.name LIKE 'Apply%%' AND q.holds_from >= '2023-04-01') > 0
               FROM qualifications q JOIN route_to_professional_status_types t USING
                   (route_to_professional_status_type_id)
               WHERE q.status = 1"""
    assert world.execute(query).fetchone() == (0, True)


@pytest.mark.parametrize("people", [1, 137, 20_000, 1_000_000])
def test_the_plan_has_exactly_so_many_people(people: int) -> None:
    plan = make_cohorts(people, FIRST_DAY)
    kinds, years = plan.kind_and_year(0, people)
    assert len(kinds) == people
    assert (years[1:] >= years[:-1]).all()


def test_a_million_people_have_the_published_awards_exactly() -> None:
    plan = make_cohorts(1_000_000, FIRST_DAY)
    assert {year: tuple(plan.count(kind, year) for kind in range(4)) for year in PUBLISHED_AWARDS} == PUBLISHED_AWARDS
    assert KINDS[ITT] == "itt"
    assert KINDS[OVERSEAS] == "overseas"


def test_awards_before_the_published_years_grow_towards_them() -> None:
    plan = make_cohorts(1_000_000, datetime.date(2026, 10, 1))
    totals = [sum(plan.count(kind, year) for kind in range(4)) for year in range(1962, 2021)]
    assert totals == sorted(totals)
    assert totals[0] > 0
