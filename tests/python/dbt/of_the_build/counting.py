"""What the marts count: the same as the source does, and something at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.python.dbt.counts import COUNTS

if TYPE_CHECKING:
    from tests.python.dbt.built import Built

COUNTED = {
    "select count(*) from fct_pension_extract_error": 10,
    "select count(*) from fct_employment_establishment where establishment_match = 'postcode'": 0,
    "select count(*) from fct_employment_establishment where is_at_preferred_establishment": 1_000,
    "select max(people_in_service_count) from fct_service_month where service_month_end_date < '2026-09-01'": 100,
    "select count(*) from fct_awards_by_year where year_type = 'financial' and professional_status = 'QTS'": 100,
    "select sum(award_count) from fct_awards_by_year where year_type = 'academic' and not is_in_published_total": 0,
    "select sum(prohibition_count) from fct_prohibitions_by_year where year_type = 'financial'": 0,
    "select count(distinct live_person_id) from int_trainee__outcomes where professional_status = 'QTS'": 1_000,
    "select sum(employed_count) from fct_employment_after_award": 0,
    "select count(*) from fct_event where event_stores = 'events'": 1_000,
    "select count(*) from fct_event where event_stores = 'both'": 200,
    "select sum(open_task_count) from fct_support_task_backlog": 200,
    "select count(*) from fct_support_task where turnaround_working_days is not null": 2,
    "select count(*) from fct_one_login_connection": 20,
    "select count(*) from fct_email": 20,
}
"""What the marts count is there: each number is more than so many."""


class TestCounting:
    @pytest.mark.parametrize("counted", COUNTS)
    def test_a_mart_counts_what_the_source_counts(self, built: Built, counted: str) -> None:
        COUNTS[counted](built)

    def test_there_is_something_to_count(self, built: Built) -> None:
        numbers = {query: built.number(query) for query in COUNTED}
        assert {query: number for query, number in numbers.items() if number <= COUNTED[query]} == {}

    def test_those_followed_after_an_award_are_parts_of_those_awarded(self, built: Built) -> None:
        of_both = "select sum(award_count), sum(employed_count) from fct_employment_after_award"
        awarded, employed = built.rows(of_both)[0]
        assert employed < awarded
        cohorts = (
            "select sum(n) from (select distinct cohort_year, qualified_count as n from fct_retention_by_cohort) c"
        )
        dated = f"select count(*) from dim_live_person where qts_date <= '{built.as_at}'"
        assert 0 < built.number(cohorts) <= built.number(dated)
        assert built.number("select sum(trainee_count) from fct_trainee_outcomes") == built.number(
            "select count(*) from int_trainee__outcomes"
        )
