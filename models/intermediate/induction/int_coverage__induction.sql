with

transitions as (

    select * from {{ ref('int_induction__transitions') }}

),

people as (

    select
        person_id,
        induction_status
    from {{ ref('stg_trs__persons') }}
    where induction_status != 0

),

told as (

    select distinct person_id
    from transitions
    where transition_source = 'event' and transition_event_name != 'InductionMigratedEvent'

),

untold as (

    select * from transitions
    where transition_source = 'record'

),

final as (

    select
        'people with an induction status' as coverage_subject,
        'a change of the status' as coverage_of,
        'event' as known_from_source,
        sum(case when told.person_id is not null then 1 else 0 end) as known,
        count(*) as total
    from people
    left join told
        on people.person_id = told.person_id
    union all
    select
        'induction statuses without an event' as coverage_subject,
        'the day of the change' as coverage_of,
        'dates of the induction' as known_from_source,
        sum(case when untold.transition_date is not null then 1 else 0 end) as known,
        count(*) as total
    from untold

)

select * from final
