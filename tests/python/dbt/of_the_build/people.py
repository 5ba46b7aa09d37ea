"""Versions of person records in the world with faults, some of which were changed at the time of an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.python.dbt.built import Built

_CHANGED: Final = """select v.person_id::text, 'last_name; national_insurance_number', v.known_from, e.event_name,
        'event', coalesce(p.change_reason ->> 'Reason', o.payload ->> 'NameChangeReason')
    from versions.persons v
    join process_events e on e.payload ->> 'PersonId' = v.person_id::text and e.created_on = v.updated_on
    join processes p using (process_id) left join events o on o.event_id = e.process_event_id
    where v.operation = 'U' and e.event_name = 'PersonDetailsUpdatedEvent'"""


class TestPeople:
    def test_a_version_that_a_change_began_has_the_event_of_the_change_and_its_reason(self, built: Built) -> None:
        found = built.rows(
            """select person_id, changed_facts, known_from, event_name, change_source, event_reason
            from fct_person_version where version_origin = 'change'"""
        )
        assert sorted(found, key=repr) == sorted(built.rows(_CHANGED), key=repr)
        assert len(found) > 10
        known = "select count(*) from fct_person_deactivation where deactivation_reason <> 'unknown'"
        coverage = "select known_count, total_count from fct_coverage where coverage_of = 'the reason'"
        records = built.number("select count(*) from persons where status = 1")
        assert (built.number(known), records) in built.rows(coverage)
        assert 0 < built.number(known) < records

    def test_a_number_that_was_replaced_is_marked(self, built: Built) -> None:
        replaced = "select count(*) from fct_person_identifier where is_replaced_identifier and identifier_value = "
        changed = built.number("select count(*) from versions.persons where operation = 'U'")
        assert built.number(f"{replaced}'QQ999999C'") == changed > 10
