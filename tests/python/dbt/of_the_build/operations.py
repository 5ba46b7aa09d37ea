"""Marts of operations against the source: events, tasks, requests and files, counted another way."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from tests.python.dbt.test_build import Built

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

_STORED: Final = """
select 'process_events', process_event_id::text, event_name, payload -> 'Email' ->> 'EmailId' from process_events
union all select 'events', event_id::text, event_name, payload -> 'Email' ->> 'EmailId' from events
"""


def _days(built: Built) -> list[date]:
    """Sixty days in London on which tasks were made."""
    ((first, last),) = built.rows("select min(date_day), max(date_day) from fct_support_task_backlog")
    step = max((last - first).days // 60, 1)
    return [last - timedelta(days=number * step) for number in range(60)]


class TestOperations:
    def test_events_are_those_of_the_newer_store_and_those_that_only_the_older_has(self, built: Built) -> None:
        stores: dict[str, dict[str, str | None]] = {"process_events": {}, "events": {}}
        for store, event, name, message in built.rows(_STORED):
            stores[store][event] = message if name == "EmailSentEvent" else None
        newer, older = stores["process_events"], stores["events"]
        # Each e-mail of the newer store is that of one row of the older one.
        mirrored = Counter(message for message in newer.values() if message)
        only_older = 0
        for event, message in older.items():
            if message and mirrored[message]:
                mirrored[message] -= 1
            elif event not in newer:
                only_older += 1
        counted = dict(built.rows("select event_stores, count(*) from fct_event group by 1"))
        assert sum(counted.values()) == len(newer) + only_older
        assert counted["events"] == only_older > 1_000
        assert counted["both"] == len(older) - only_older > 200
        emails = "select event_stores, count(*) from fct_event where event_name = 'EmailSentEvent' group by 1"
        assert dict(built.rows(emails)) == {"both": 4, "events": 8}
        assert built.number("select count(*) from fct_event where older_event_id <> event_id") == 4

    def test_who_raised_an_event_is_one_of_the_users(self, built: Built) -> None:
        kinds = {1: "person", 2: "application", 3: "system"}
        users = {user: kinds[kind] for user, kind in built.rows("select user_id::text, user_type from users")}
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
        lacking = "select count(*) from fct_event where {}"
        assert built.number(lacking.format("lacks_person and lacks_changes and lacks_raised_by")) == 1
        assert built.number(lacking.format("not is_known_event_name and event_name = 'SomethingNewEvent'")) == 1
        two = built.rows("select event_name, older_event_name from fct_event where has_differing_records")
        assert two == [("NoteCreatedEvent", "TrnAllocatedEvent")]
        unknown = (
            "select count(*) from fct_event_change where event_name = 'PersonDetailsUpdatedEvent' and change_name = "
        )
        assert built.number(unknown + "'unknown (1073741824)'") == 1

    def test_flags_add_up_to_what_the_stores_say(self, built: Built) -> None:
        said = "select sum((payload ->> 'Changes')::bigint) from {}"
        decoded = "select event_store, sum(change_flag)::bigint from fct_event_change group by 1"
        assert dict(built.rows(decoded)) == {
            store: built.number(said.format(store)) for store in ("events", "process_events")
        }

    def test_the_backlog_is_what_was_open_at_the_end_of_sixty_days(self, built: Built) -> None:
        again = """
            select support_task_type, count(*) from support_tasks
            where created_on < ('{day}'::date + 1)::timestamp at time zone 'Europe/London'
            and not (status = 1 and completed_on is null)
            and not (status = 1 and greatest(completed_on, created_on)
                < ('{day}'::date + 1)::timestamp at time zone 'Europe/London')
            and (deleted_on is null or deleted_on >= ('{day}'::date + 1)::timestamp at time zone 'Europe/London')
            group by 1"""
        mart = """select date_day, support_task_type, open_task_count from fct_support_task_backlog
            where open_task_count > 0"""
        found: dict[date, dict[int, int]] = defaultdict(dict)
        for day, kind, count in built.rows(mart):
            found[day][kind] = count
        days = _days(built)
        for day in days:
            assert found[day] == dict(built.rows(again.format(day=day))), day
        assert sum(sum(found[day].values()) for day in days) > 200
        assert built.rows(
            "select sum(unknown_end_task_count) from fct_support_task_backlog where date_day = '2026-09-30'"
        ) == [(1,)]

    def test_tasks_and_their_working_days_are_those_of_the_source(self, built: Built) -> None:
        holidays = {row[0] for row in built.rows("select date_day from dim_date where is_bank_holiday")}

        def between(first: date, last: date) -> int:
            days = [first + timedelta(days=number + 1) for number in range((last - first).days)]
            return len([day for day in days if day.isoweekday() < 6 and day not in holidays])

        source = """select support_task_reference, (created_on at time zone 'Europe/London')::date,
            (completed_on at time zone 'Europe/London')::date from support_tasks where deleted_on is null"""
        mart = (
            "select support_task_reference, turnaround_working_days, is_completed_before_created from fct_support_task"
        )
        marts: dict[str, tuple[Any, ...]] = {row[0]: row[1:] for row in built.rows(mart)}
        tasks = built.rows(source)
        assert set(marts) == {row[0] for row in tasks}
        compared = 0
        for reference, made, done in tasks:
            turnaround, backwards = marts[reference]
            if done and not backwards:
                assert turnaround == between(made, done), reference
                compared += 1
        assert compared >= 5
        assert [row[1] for row in marts.values()].count(True) == 1
        assert built.number("select count(*) from fct_support_task where lacks_completion_time") == 1
        open_ones = (
            "select support_task_status_label, support_task_outcome_label from fct_support_task where is_open_task"
        )
        assert ("unknown (9)", "unknown (99)") in built.rows(open_ones)

    def test_requests_are_those_of_the_source_with_the_time_that_is_known(self, built: Built) -> None:
        statuses = "select status, count(*) from trn_request_metadata group by 1"
        mart = "select request_status, count(*) from fct_trn_request group by 1"
        assert dict(built.rows(mart)) == dict(built.rows(statuses))
        assert built.rows("select request_outcome from fct_trn_request where request_status = 9") == [("unknown",)]
        made = """select count(*) from trn_request_metadata r where status = 1 and exists (select from persons p
            where p.source_trn_request_id = r.request_id and p.source_application_user_id = r.application_user_id
            and p.person_id = r.resolved_person_id)"""
        known = dict(built.rows("select completed_from, count(*) from fct_trn_request group by 1"))
        assert built.number(
            "select count(*) from fct_trn_request where request_outcome = 'new record'"
        ) == built.number(made)
        assert known["person record"] + known.get("event", 0) >= built.number(made) - 5
        assert built.number("select count(*) from fct_trn_request where completed_at is null") == (
            known["unknown"] + known["pending"]
        )
        assert known["unknown"] > 0

    def test_files_have_the_rows_of_the_source(self, built: Built) -> None:
        again = """select t.integration_transaction_id::text, count(r), count(*) filter (where r.duplicate),
            count(*) filter (where r.status = 1 and r.duplicate is not true) from integration_transactions t
            left join integration_transaction_records r using (integration_transaction_id) group by 1"""
        mart = "select file_batch_id, record_count, duplicate_record_count, failure_record_count from fct_file_batch"
        assert sorted(built.rows(mart)) == sorted(built.rows(again))
        assert built.number("select count(*) from fct_file_batch where not stated_counts_agree") == 1
        assert built.number("select sum(other_record_count) from fct_file_batch") == 1
        stranger = (
            "select file_record_status_label, is_live from fct_file_batch_record where person_id like 'ffffffff-%'"
        )
        assert built.rows(stranger) == [("unknown (9)", None)]

    def test_accounts_and_e_mails_are_those_of_the_source(self, built: Built) -> None:
        for mart, table in {"fct_one_login_connection": "one_login_users", "fct_email": "emails"}.items():
            assert built.number(f"select count(*) from {mart}") == built.number(f"select count(*) from {table}") > 20
        connected = "select count(*) from one_login_users where person_id is not null"
        assert built.number("select count(*) from fct_one_login_connection where is_connected") == built.number(
            connected
        )
