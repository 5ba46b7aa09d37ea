with

deactivations as (

    select * from {{ ref('int_person__deactivations') }}

),

versions as (

    select * from {{ ref('int_person__versions') }}

),

version_events as (

    select * from {{ ref('int_person__version_events') }}

),

-- What was so before the first copy had its own beginning, which nobody can know.
since_copy as (

    select version_events.event_id
    from versions
    left join version_events
        on
            versions.person_id = version_events.person_id
            and versions.known_from = version_events.known_from
    where versions.version_origin != 'first copy'

),

final as (

    select
        'deactivated person records' as coverage_subject,
        'the reason' as coverage_of,
        'process or event' as known_from_source,
        sum(case when recorded_deactivation_reason is null then 0 else 1 end) as known,
        count(*) as total
    from deactivations
    union all
    select
        'deactivated person records' as coverage_subject,
        'the day' as coverage_of,
        'event' as known_from_source,
        sum(case when deactivated_date is null then 0 else 1 end) as known,
        count(*) as total
    from deactivations
    union all
    select
        'versions of person records since the first copy' as coverage_subject,
        'the event that made them' as coverage_of,
        'event' as known_from_source,
        sum(case when event_id is null then 0 else 1 end) as known,
        count(*) as total
    from since_copy

)

select * from final
