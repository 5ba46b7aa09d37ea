with

requests as (

    select
        count(*) as of_count,
        sum(case when completed_from != 'unknown' then 1 else 0 end) as known_count,
        sum(case when completed_from = 'event' then 1 else 0 end) as event_count
    from {{ ref('int_trn_request__completions') }}
    where completed_from != 'pending'

),

tasks as (

    select
        count(*) as of_count,
        sum(case when lacks_completion_time then 0 else 1 end) as known_count
    from {{ ref('int_support_task__dated') }}
    where not is_open_task and not is_deleted

),

emails as (

    select
        count(*) as of_count,
        sum(case when person_id is null then 0 else 1 end) as known_count
    from {{ ref('int_email__recipients') }}

),

events as (

    select
        count(*) as of_count,
        sum(case when lacks_raised_by then 0 else 1 end) as raised_by_count,
        sum(case when should_name_person then 1 else 0 end) as should_name_person_count,
        sum(case when should_name_person and not lacks_person then 1 else 0 end) as named_person_count,
        sum(case when should_have_changes then 1 else 0 end) as should_have_changes_count,
        sum(case when should_have_changes and not lacks_changes then 1 else 0 end) as has_changes_count
    from {{ ref('int_event__unified') }}

),

processes as (

    select
        count(*) as of_count,
        sum(case when {{ json_text('change_reason', ['Reason']) }} is null then 0 else 1 end) as known_count
    from {{ ref('stg_trs__processes') }}

),

final as (

    select
        'TRN requests that are not pending' as coverage_subject,
        'when they ended' as coverage_of,
        'event, person record or support task' as known_from_source,
        known_count as known,
        of_count as total
    from requests
    union all
    select
        'TRN requests that are not pending' as coverage_subject,
        'an event that ended them' as coverage_of,
        'event' as known_from_source,
        event_count as known,
        of_count as total
    from requests
    union all
    select
        'completed support tasks' as coverage_subject,
        'the time of completion' as coverage_of,
        'support task' as known_from_source,
        known_count as known,
        of_count as total
    from tasks
    union all
    select
        'e-mails' as coverage_subject,
        'the person' as coverage_of,
        'e-mail or event' as known_from_source,
        known_count as known,
        of_count as total
    from emails
    union all
    select
        'events' as coverage_subject,
        'who raised them' as coverage_of,
        'event or process' as known_from_source,
        raised_by_count as known,
        of_count as total
    from events
    union all
    select
        'events that name a person' as coverage_subject,
        'the person' as coverage_of,
        'event' as known_from_source,
        named_person_count as known,
        should_name_person_count as total
    from events
    union all
    select
        'events that list changes' as coverage_subject,
        'the changes' as coverage_of,
        'event' as known_from_source,
        has_changes_count as known,
        should_have_changes_count as total
    from events
    union all
    select
        'processes' as coverage_subject,
        'the reason' as coverage_of,
        'process' as known_from_source,
        known_count as known,
        of_count as total
    from processes

)

select * from final
