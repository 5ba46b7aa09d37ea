"""Operations: what the faults in events, tasks, requests and files come to; counts are in tests/python/dbt/counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.python.dbt.built import Built

FAULTS: Final = """
-- Both stores have an e-mail, under ids of their own; the older one has it twice.
insert into events (event_id, event_name, created, inserted, payload, published, person_ids)
select gen_random_uuid(), event_name, created_on, created_on,
    jsonb_build_object('RaisedBy', 'ffffffff-0000-0000-0000-000000000001', 'Email', payload -> 'Email'), true, '{}'
from process_events, generate_series(1, 2) where event_name = 'EmailSentEvent';
-- An event without person, changes and user, one of a name that nobody knows, a flag that nobody knows.
update events set payload = '{}', person_id = null, person_ids = '{}'
    where event_id = (select min(event_id::text)::uuid from events where event_name = 'TpsEmploymentUpdatedEvent');
update events set event_name = 'SomethingNewEvent'
    where event_id = (select max(event_id::text)::uuid from events where event_name = 'TpsEmploymentUpdatedEvent');
update process_events set payload = jsonb_set(payload, '{Changes}', '1073741825')
    where process_event_id = (select min(process_event_id::text)::uuid from process_events
        where event_name = 'PersonDetailsUpdatedEvent');
-- Two events with one id: names that do not belong together.
insert into events (event_id, event_name, created, inserted, payload, published, person_ids)
select process_event_id, 'TrnAllocatedEvent', created_on, created_on, '{}', true, '{}'
from process_events where event_name = 'NoteCreatedEvent' order by process_event_id limit 1;
-- A task that is completed at no time, one that was completed before it was made, and codes that no seed knows.
update support_tasks set completed_on = null where support_task_reference = (select min(support_task_reference)
    from support_tasks where status = 1 and deleted_on is null);
update support_tasks set completed_on = created_on - interval '9 days' where support_task_reference = (
    select max(support_task_reference) from support_tasks where status = 1 and deleted_on is null);
update support_tasks set status = 9, outcome = 99 where support_task_reference = (select min(support_task_reference)
    from support_tasks where status = 0);
update trn_request_metadata set status = 9 where request_id = (select min(request_id) from trn_request_metadata
    where status = 2);
-- A row that TRS did not count, of a person whom nobody knows.
update integration_transaction_records set status = 9, person_id = 'ffffffff-0000-0000-0000-000000000002'
    where integration_transaction_record_id = (select min(integration_transaction_record_id)
        from integration_transaction_records where status = 0);
"""


# An e-mail has ids of its own in each store, and no fault.
_DIFFERING: Final = """
select n.event_name, o.event_name from process_events n join events o on o.event_id = n.process_event_id
where n.created_on is distinct from o.created or n.event_name <> o.event_name and not exists (
    select from trs_event_mirrors m where m.older_event_name = o.event_name and m.newer_event_name = n.event_name)
"""


# Completed, at a time that is missing or cannot be read.
_WITHOUT_END: Final = """select count(*) from support_tasks where status = 1 and completed_on is null
    and deleted_on is null and created_on is not null"""
_BACKWARDS: Final = """select count(*) from support_tasks where status = 1 and completed_on < created_on
    and deleted_on is null"""


class TestOperations:
    def test_an_e_mail_of_both_stores_is_one_event(self, built: Built) -> None:
        emails = "select event_stores, count(*) from fct_event where event_name = 'EmailSentEvent' group by 1"
        assert dict(built.rows(emails)) == {"both": 4, "events": 8 + 4, "process_events": 2}
        assert built.number("select count(*) from fct_event where older_event_id <> event_id") == 4

    def test_who_raised_an_event_is_one_of_the_users(self, built: Built) -> None:
        kinds = {1: "person", 2: "application", 3: "system"}
        users = {
            user: kinds.get(kind, "unknown") for user, kind in built.rows("select user_id::text, user_type from users")
        }
        said = """select coalesce(p.user_id::text, e.payload ->> 'RaisedBy'), f.raised_by_kind from fct_event f
            left join process_events n on n.process_event_id::text = f.event_id
            left join processes p on p.process_id = n.process_id
            left join events e on e.event_id::text = f.older_event_id
            where p.user_id is not null
            or jsonb_typeof(e.payload -> 'RaisedBy') = 'string' and n.process_event_id is null"""
        found = built.rows(said)
        assert len(found) > 1_500
        assert not [row for row in found if users.get(row[0], "unknown") != row[1]]
        assert {"person", "system", "unknown"} <= {kind for _, kind in found}
        dqt = "select count(*), count(raised_by_dqt_user_id) from fct_event where raised_by_kind = 'DQT user'"
        ((count, named),) = built.rows(dqt)
        assert count == named > 100

    def test_what_an_event_lacks_is_marked_and_the_event_kept(self, built: Built) -> None:
        lacking = "select count(*) from fct_event where {} and event_date > '2000-01-01'"
        assert built.number(lacking.format("lacks_person and lacks_changes and lacks_raised_by")) == 1
        assert built.number(lacking.format("not is_known_event_name and event_name = 'SomethingNewEvent'")) == 1
        two = built.rows("select event_name, older_event_name from fct_event where has_differing_records")
        assert sorted(two) == sorted(built.rows(_DIFFERING)) and ("NoteCreatedEvent", "TrnAllocatedEvent") in two
        unknown = (
            "select count(*) from fct_event_change where event_name = 'PersonDetailsUpdatedEvent' and change_name = "
        )
        assert built.number(unknown + "'unknown (1073741824)'") == 1

    def test_a_task_without_its_end_is_marked(self, built: Built) -> None:
        assert built.rows(
            "select sum(unknown_end_task_count) from fct_support_task_backlog where date_day = '2026-09-30'"
        ) == built.rows(_WITHOUT_END)
        backwards = "select count(*) from fct_support_task where is_completed_before_created"
        assert built.rows(backwards) == built.rows(_BACKWARDS)
        lacking = "select count(*) from fct_support_task where lacks_completion_time"
        assert built.rows(lacking) == built.rows(_WITHOUT_END.replace(" and created_on is not null", ""))
        open_ones = (
            "select support_task_status_label, support_task_outcome_label from fct_support_task where is_open_task"
        )
        assert ("unknown (9)", "unknown (99)") in built.rows(open_ones)

    def test_requests_say_where_the_time_of_their_end_is_from(self, built: Built) -> None:
        assert built.rows("select request_outcome from fct_trn_request where request_status = 9") == [("unknown",)]
        made = built.number("select count(*) from fct_trn_request where request_outcome = 'new record'")
        known = dict(built.rows("select completed_from, count(*) from fct_trn_request group by 1"))
        assert known["person record"] + known.get("event", 0) >= made - 5
        assert built.number("select count(*) from fct_trn_request where completed_at is null") == (
            known["unknown"] + known["pending"]
        )
        assert known["unknown"] > 0

    def test_a_file_with_a_row_that_trs_did_not_count_is_marked(self, built: Built) -> None:
        assert built.number("select count(*) from fct_file_batch where not stated_counts_agree") == 2
        assert built.number("select sum(other_record_count) from fct_file_batch") == 2
        stranger = (
            "select file_record_status_label, is_live from fct_file_batch_record where person_id like 'ffffffff-%'"
        )
        assert built.rows(stranger) == [("unknown (9)", None)]
