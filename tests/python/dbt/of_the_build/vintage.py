"""The Teacher Analysis Division's vintage against the marts and the tables of TRS: whom it is of, by which codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.python.dbt.built import Built

_BROUGHT: Final = """
select live_person_id from dim_live_person where live_person_id in (
    select live_person_id from fct_route union select live_person_id from fct_employment
)
"""
_ENDS: Final = """
with recursive chains as (
    select person_id, merged_with_person_id as at from persons where merged_with_person_id is not null
    union all
    select c.person_id, p.merged_with_person_id from chains as c join persons as p on p.person_id = c.at
    where p.merged_with_person_id is not null
) cycle person_id, at set is_cycle using path
select c.person_id::text, c.at::text from chains as c join persons as p on p.person_id = c.at
where p.merged_with_person_id is null
"""


class TestVintage:
    """Rows of `extracts`, by other ways than the models'."""

    def test_it_is_of_whoever_was_on_a_route_or_in_service_and_lives_on(self, built: Built) -> None:
        people = built.rows("select live_person_id from tad_vintage_people")
        assert people and sorted(people) == sorted(built.rows(_BROUGHT))

    def test_a_merged_record_leads_to_the_end_of_its_chain(self, built: Built) -> None:
        found = built.rows("select person_id, live_person_id from tad_vintage_merged_records")
        assert found and set(found) <= set(built.rows(_ENDS))

    def test_no_previous_name_is_the_present_one(self, built: Built) -> None:
        found = built.rows("select person_id, name_number from tad_vintage_previous_names")
        present = built.rows("select person_id, name_number from fct_person_name where is_present_name and is_live")
        assert found and not set(found) & set(present)

    def test_every_code_is_in_its_lookup(self, built: Built) -> None:
        for table, code, lookup in (
            ("routes", "route_type_id", "route_types"),
            ("routes", "route_status", "route_statuses"),
            ("routes", "training_provider_id", "training_providers"),
            ("induction", "induction_status", "induction_statuses"),
            ("induction_exemptions", "exemption_reason_key", "exemption_reasons"),
            ("employments", "establishment_id", "establishments"),
            ("employments", "employment_type", "employment_types"),
        ):
            missing = f"select count(*) from tad_vintage_{table} where {code} not in (select {code} from"
            assert built.number(f"{missing} tad_vintage_{lookup})") == 0, code

    def test_an_award_is_made_by_a_route_that_is_there(self, built: Built) -> None:
        assert built.number(
            "select count(*) from tad_vintage_awards where awarding_qualification_id not in"
            " (select qualification_id from tad_vintage_routes)"
        ) == 0  # fmt: skip

    def test_restrictions_name_nobody_beyond_the_vintage(self, built: Built) -> None:
        found = built.rows("select live_person_id from tad_restrictions")
        assert found and set(found) <= set(built.rows("select live_person_id from tad_vintage_people"))
