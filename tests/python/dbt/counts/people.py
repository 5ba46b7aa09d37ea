"""People, professional statuses and alerts. Each pair: what a mart says, and the same from the tables of TRS."""

from __future__ import annotations

from typing import Final

# Every record with the end of its chain of merges, by recursion; one in a circle or with a missing end has none.
ENDS: Final = """
with recursive chains as (
    select person_id, person_id as reached, 0 as steps from persons
    union all
    select c.person_id, p.merged_with_person_id, c.steps + 1 from chains c
    join persons p on p.person_id = c.reached where p.merged_with_person_id is not null and c.steps < 50
), ends as (
    select c.person_id, c.reached as end_id, p.status from chains c join persons p on p.person_id = c.reached
    where p.merged_with_person_id is null
) """

HELD: Final = """qualifications q join route_to_professional_status_types t using (route_to_professional_status_type_id)
    where q.status = 1 and q.deleted_on is null"""

_LIVE_WITH_QTS: Final = f"""{ENDS} select end_id::text, min(q.holds_from) from ends
    join qualifications q using (person_id)
    join route_to_professional_status_types t using (route_to_professional_status_type_id)
    where ends.status = 0 and q.status = 1 and q.deleted_on is null and t.professional_status_type = 0 group by 1"""

_PROHIBITED: Final = """from alerts a
    join alert_types t using (alert_type_id) join alert_categories c using (alert_category_id)
    where a.deleted_on is null and a.end_date is null and not t.internal_only
    and c.name like '%rohibition from teaching'"""

_OPEN_ON: Final = """select d::date, (select count(*) from alerts a where a.deleted_on is null
        and coalesce(a.start_date, (a.created_on at time zone 'Europe/London')::date) <= d::date
        and (a.end_date is null or greatest(a.start_date, case
            when a.end_date between '0001-01-01' and '9999-12-31' then a.end_date
            else (a.updated_on at time zone 'Europe/London')::date end) > d::date))
    from unnest(array['1995-03-01', '2010-07-31', '2019-12-31', '2024-02-29', '2025-09-01']::date[]) as d"""

_STOCK_ON: Final = """select d::date, (select coalesce(sum(alerts_open_at_end_of_day), 0)::bigint from fct_alert_day
        where date_day <= d::date and (next_change_date > d::date or next_change_date is null))
    from unnest(array['1995-03-01', '2010-07-31', '2019-12-31', '2024-02-29', '2025-09-01']::date[]) as d"""

# What events tell of numbers, by the key that stands above them in the payload.
_STORES: Final = """(select event_name, payload, created_on as at from process_events
    union all select event_name, payload, created from events) stored"""

_NUMBERS_IN_EVENTS: Final = f"""select payload ->> 'PersonId' as person_id,
        payload -> told ->> 'NationalInsuranceNumber' as nino
    from {_STORES}, unnest(array['Details', 'PersonDetails', 'OldPersonDetails', 'PersonAttributes',
        'OldPersonAttributes']) as told
    where jsonb_typeof(payload -> 'PersonId') = 'string' and jsonb_typeof(payload -> told) = 'object'"""

PAIRS: Final[dict[str, tuple[str, str]]] = {
    "live people with QTS and its date over all records": (
        "select live_person_id, qts_date from dim_live_person where has_qts",
        _LIVE_WITH_QTS,
    ),
    "live people": (
        "select live_person_id from dim_live_person",
        "select person_id::text from persons where status = 0 and merged_with_person_id is null",
    ),
    "records by how they stand": (
        "select is_live, is_active, is_deceased, count(*) from int_person__standing group by 1, 2, 3",
        """select status = 0 and merged_with_person_id is null, status = 0, date_of_death is not null, count(*)
            from persons group by 1, 2, 3""",
    ),
    "awards": (
        """select professional_status_type, sum(held_route_count)::bigint from fct_professional_status_award
            join (values ('QTS', 0), ('EYTS', 1), ('EYPS', 2), ('PQTS', 3))
            as t (professional_status, professional_status_type) using (professional_status) group by 1""",
        f"select professional_status_type, count(*) from {HELD} and professional_status_type < 4 group by 1",
    ),
    "dates of QTS that differ from those of the routes": (
        "select person_id from fct_professional_status_check where checked_status = 'QTS' and not is_in_agreement",
        f"""select p.person_id::text from persons p left join (select q.person_id, min(holds_from) as qts_date
            from {HELD} and professional_status_type = 0 group by 1) r using (person_id)
            where p.qts_date is distinct from r.qts_date""",
    ),
    "periods of QTLS": (
        "select is_qtls_current, count(*) from fct_qtls_period group by 1",
        """select deleted_on is null, count(*) from qualifications join route_to_professional_status_types t
            using (route_to_professional_status_type_id) where t.name like 'QTLS%' and status = 1 group by 1""",
    ),
    "routes that are not held": (
        "select route_status, route_outcome = 'status removed', count(*) from fct_route_not_held group by 1, 2",
        """select status, deleted_on is not null, count(*) from qualifications
            where qualification_type = 1 and (status = 1) = (deleted_on is not null) group by 1, 2""",
    ),
    "mandatory qualifications passed": (
        "select count(*) from fct_mandatory_qualification where is_passed",
        """select count(*) from qualifications where qualification_type = 0 and deleted_on is null
            and (mq_status = 1 or (mq_status is null and dqt_qualification_id is not null and end_date is not null))""",
    ),
    "names": (
        "select person_id, last_name, is_present_name from fct_person_name",
        """select person_id::text, last_name::text, true from persons union all
            select person_id::text, last_name::text, false from previous_names where deleted_on is null""",
    ),
    "National Insurance numbers ever seen": (
        "select distinct person_id, identifier_value from fct_person_identifier where identifier_type like 'National%'",
        """select distinct person_id, upper(regexp_replace(nino, '[ -]', '', 'g')) from (
                select person_id::text, national_insurance_number as nino from persons
                union select person_id::text, national_insurance_number from tps_employments
                union select resolved_person_id::text, national_insurance_number from trn_request_metadata
                union select p.person_id::text, i.national_insurance_number from tps_csv_extract_items i
                join persons p using (trn)
                union select person_id::text, data ->> 'StatedNationalInsuranceNumber' from support_tasks
                union select person_id::text, national_insurance_number from versions.persons
                union """
        + _NUMBERS_IN_EVENTS
        + """) seen where nino <> '' and person_id is not null""",
    ),
    "identifiers of each kind but numbers": (
        """select identifier_type, seen_in, count(*) from fct_person_identifier where seen_in in
            ('person record', 'One Login connection', 'route', 'deleted route')
            and identifier_type in ('TRN', 'One Login subject', 'application reference') group by 1, 2""",
        """select 'TRN', 'person record', count(*) from persons
            union all select 'One Login subject', 'One Login connection', count(*) from one_login_users
            where person_id is not null
            union all select 'application reference', 'route', count(distinct (person_id, source_application_reference))
            from qualifications where source_application_reference is not null and deleted_on is null
            union all select 'application reference', 'deleted route', n from (
                select count(distinct (person_id, source_application_reference)) as n from qualifications
                where source_application_reference is not null and deleted_on is not null) d where n > 0""",
    ),
    "numbers that records had before": (
        "select person_id, identifier_value from fct_person_identifier where seen_in = 'person record before' "
        "and identifier_type like 'National%'",
        """select distinct v.person_id::text, before from versions.persons v left join persons p using (person_id)
            cross join lateral (select nullif(upper(regexp_replace(v.national_insurance_number, '[ -]', '', 'g')), '')
                as before) n
            where v.known_to > v.known_from and before is distinct from
                nullif(upper(regexp_replace(p.national_insurance_number, '[ -]', '', 'g')), '') and before is not null
        """,
    ),
    "the present version of each person record": (
        "select person_id, last_name, gender, recorded_qts_date from fct_person_version where is_present_version",
        "select person_id::text, last_name::text, gender, qts_date from persons",
    ),
    "members' numbers in partners' rows, refused ones included": (
        "select seen_in, count(*) from fct_person_identifier where identifier_type = 'pension member' group by 1",
        """select place, count(*) from (
                select distinct 'pension extract' as place, person_id, member_id::text from tps_csv_extract_items
                join persons using (trn) where member_id is not null
                union select distinct 'refused row of a pension extract', person_id, trim(member_id)
                from tps_csv_extract_load_items l join persons p on p.trn = trim(l.trn)
                where errors <> 0 and trim(member_id) <> ''
            ) rows group by 1""",
    ),
    "TRNs that events tell": (
        "select distinct person_id, identifier_value from fct_person_identifier where identifier_type = 'TRN' "
        "and seen_in like 'event%'",
        f"""select distinct payload ->> 'PersonId', payload ->> 'Trn' from {_STORES}
            where event_name in ('TrnAllocatedEvent', 'PersonMigratedEvent')
            and jsonb_typeof(payload -> 'Trn') = 'string'
            union select payload ->> 'PersonId', payload ->> 'PersonTrn' from {_STORES} where payload ? 'PersonTrn'
            union select payload ->> 'SecondaryPersonId', payload ->> 'SecondaryPersonTrn' from {_STORES}
            where payload ? 'SecondaryPersonTrn' and payload ? 'SecondaryPersonId'
            union select payload ->> 'PersonId', payload -> told ->> 'Trn'
            from {_STORES}, unnest(array['Details', 'OldDetails']) as told
            where event_name in ('PersonImportedIntoDqtEvent', 'PersonUpdatedInDqtEvent')
            and payload -> told ? 'Trn'""",
    ),
    "deactivated records, with day and reason where an event says so": (
        "select person_id, deactivated_date, deactivation_reason from fct_person_deactivation",
        """select p.person_id::text, e.day, coalesce(e.reason, 'unknown') from persons p left join lateral (
                select (n.created_on at time zone 'Europe/London')::date as day,
                    coalesce(r.change_reason ->> 'Reason', o.payload ->> 'Reason') as reason
                from process_events n join processes r using (process_id)
                left join events o on o.event_id = n.process_event_id
                where n.payload ->> 'PersonId' = p.person_id::text and n.event_name = 'PersonDeactivatedEvent'
                order by n.created_on desc nulls last limit 1
            ) e on true where p.status = 1""",
    ),
    "the share of deactivated records whose reason is known": (
        "select known_count, total_count from fct_coverage where coverage_of = 'the reason' "
        "and coverage_domain = 'people'",
        """select count(*) filter (where deactivation_reason <> 'unknown'), count(*) from fct_person_deactivation""",
    ),
    "the shares of requests and routes whose end is dated, and of inductions with an event": (
        "select coverage_of, known_count, total_count from fct_coverage where coverage_of in ('when they ended', "
        "'the day of the outcome', 'the day on which training ended', 'a change of the status')",
        """select 'when they ended', count(completed_at), count(*) from fct_trn_request where request_status <> 0
            union all
            select 'the day of the outcome', count(route_outcome_date), count(*) from fct_route_not_held
                where route_outcome in ('failed', 'withdrawn')
            union all
            select 'the day on which training ended', count(training_end_date), count(*) from fct_route_not_held
                where route_outcome in ('failed', 'withdrawn')
            union all
            select 'a change of the status', count(distinct t.person_id), count(distinct p.person_id)
            from persons p left join fct_induction_transition t on t.person_id = p.person_id::text
                and transition_source = 'event' and transition_event_name <> 'InductionMigratedEvent'
            where p.induction_status <> 0""",
    ),
    "changes of an induction status that events report": (
        "select induction_status_after, count(*) from fct_induction_transition where transition_source = 'event' "
        "and transition_event_name = 'PersonInductionUpdatedEvent' group by 1",
        """select label, count(*) from events join trs_enums on enum_name = 'InductionStatus'
            and code = payload -> 'Induction' ->> 'Status' where event_name = 'PersonInductionUpdatedEvent'
            and payload -> 'Induction' ->> 'Status' is distinct from payload -> 'OldInduction' ->> 'Status'
            group by 1""",
    ),
    "open alerts at the end of a day": (_STOCK_ON, _OPEN_ON),
    "people with a prohibition, as both recipients receive it": (
        "select distinct live_trn from dandi_teachers where has_open_prohibition",
        f"""{ENDS} select distinct p.trn::text from persons p join ends on ends.end_id = p.person_id
            join (select a.person_id {_PROHIBITED}) a on a.person_id = ends.person_id""",
    ),
    "people who are new to Teachers' Pensions": (
        "select trn, pensions_gender_code from tps_new where pensions_update_code = '1018Z981'",
        """select trn::text, gender::text from persons
            where status = 0 and created_by_tps is not true and gender in (1, 2)""",
    ),
    "live teachers whose prohibition differs between the recipients": (
        "select trn from tad_teachers t join dandi_teachers d using (trn) "
        "where t.has_open_prohibition is distinct from d.has_open_prohibition",
        "select trn from persons where false",
    ),
}
