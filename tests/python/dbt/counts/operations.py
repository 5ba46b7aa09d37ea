"""Operations: events of both stores, tasks, requests, files, accounts and e-mails."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, timedelta
from typing import Any, Final

from tests.python.dbt.counts.asked import Asked

PAIRS: Final[dict[str, tuple[str, str]]] = {
    "flags of changes, added up by store": (
        "select event_store, sum(change_flag)::bigint from fct_event_change group by 1",
        """select 'events', sum((payload ->> 'Changes')::bigint)::bigint from events
            where payload ->> 'Changes' ~ '^-?[0-9]+$'
            union all select 'process_events', sum((payload ->> 'Changes')::bigint)::bigint from process_events
            where payload ->> 'Changes' ~ '^-?[0-9]+$'""",
    ),
    "TRN requests by status": (
        "select request_status, count(*) from fct_trn_request group by 1",
        "select status, count(*) from trn_request_metadata group by 1",
    ),
    "TRN requests that made a new record": (
        "select count(*) from fct_trn_request where request_outcome = 'new record'",
        """select count(*) from trn_request_metadata r where status = 1 and exists (select from persons p
            where p.source_trn_request_id = r.request_id and p.source_application_user_id = r.application_user_id
            and p.person_id = r.resolved_person_id)""",
    ),
    "rows of files": (
        "select file_batch_id, record_count, duplicate_record_count, failure_record_count from fct_file_batch",
        """select t.integration_transaction_id::text, count(r), count(*) filter (where r.duplicate),
            count(*) filter (where r.status = 1 and r.duplicate is not true) from integration_transactions t
            left join integration_transaction_records r using (integration_transaction_id) group by 1""",
    ),
    "One Login accounts": (
        "select is_connected, count(*) from fct_one_login_connection group by 1",
        "select person_id is not null, count(*) from one_login_users group by 1",
    ),
    "e-mails": ("select count(*) from fct_email", "select count(*) from emails"),
}

_STORED: Final = """
select 'process_events', process_event_id::text, event_name, payload -> 'Email' ->> 'EmailId' from process_events
union all select 'events', event_id::text, event_name, payload -> 'Email' ->> 'EmailId' from events
"""
_OPEN_AT_THE_END: Final = """
select support_task_type, count(*) from support_tasks
where created_on < ('{day}'::date + 1)::timestamp at time zone 'Europe/London'
and not (status = 1 and completed_on is null)
and not (status = 1 and greatest(completed_on, created_on)
    < ('{day}'::date + 1)::timestamp at time zone 'Europe/London')
and (deleted_on is null
    or deleted_on between (('{day}'::date + 1)::timestamp at time zone 'Europe/London') and '9999-12-31'
    or (status = 1 and deleted_on not between '0001-01-02' and '9999-12-31'))
group by 1
"""
_BACKLOG: Final = """
select date_day, support_task_type, open_task_count from fct_support_task_backlog where open_task_count > 0
"""
_TASKS: Final = """
select support_task_reference, (created_on at time zone 'Europe/London')::date,
    case when status = 1 then (completed_on at time zone 'Europe/London')::date end
from support_tasks where deleted_on is null
"""
_TURNAROUND: Final = """
select support_task_reference, turnaround_working_days, is_completed_before_created from fct_support_task
"""


def events(asked: Asked) -> None:
    """Events are those of the newer store, and those that only the older one has."""
    stores: dict[str, dict[str, str | None]] = {"process_events": {}, "events": {}}
    for store, event, name, message in asked.rows(_STORED):
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
    counted = dict(asked.rows("select event_stores, count(*) from fct_event group by 1"))
    assert sum(counted.values()) == len(newer) + only_older
    assert counted["events"] == only_older > 0
    assert counted["both"] == len(older) - only_older > 0


def backlog(asked: Asked) -> None:
    """What was open at the end of sixty days in London on which there were tasks, by type."""
    ((first, last),) = asked.rows("select min(date_day), max(date_day) from fct_support_task_backlog")
    step = max((last - first).days // 60, 1)
    days = [last - timedelta(days=number * step) for number in range(60)]
    found: dict[date, dict[int, int]] = defaultdict(dict)
    for day, kind, count in asked.rows(_BACKLOG):
        found[day][kind] = count
    for day in days:
        assert found[day] == dict(asked.rows(_OPEN_AT_THE_END.format(day=day))), day
    assert sum(sum(found[day].values()) for day in days) > 0


def turnaround(asked: Asked) -> None:
    """Every task, with the working days that it took."""
    holidays = {row[0] for row in asked.rows("select date_day from dim_date where is_bank_holiday")}

    def between(begin: date, end: date) -> int:
        days = [begin + timedelta(days=number + 1) for number in range((end - begin).days)]
        return len([day for day in days if day.isoweekday() < 6 and day not in holidays])

    marts: dict[str, tuple[Any, ...]] = {row[0]: row[1:] for row in asked.rows(_TURNAROUND)}
    tasks = asked.rows(_TASKS)
    assert set(marts) == {row[0] for row in tasks}
    compared = 0
    for reference, made, done in tasks:
        days, backwards = marts[reference]
        if made and done and not backwards:
            assert days == between(made, done), reference
            compared += 1
    assert compared > 0
