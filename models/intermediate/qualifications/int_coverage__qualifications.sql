with

not_held as (

    select * from {{ ref('int_route__not_held') }}

),

held as (

    select * from {{ ref('int_route__held') }}

),

final as (

    select
        'routes failed or withdrawn' as coverage_subject,
        'the day on which training ended' as coverage_of,
        'training end date' as known_from_source,
        sum(case when route_outcome_date_source = 'training end date' then 1 else 0 end) as known,
        count(*) as total
    from not_held
    where route_outcome in ('failed', 'withdrawn')
    union all
    select
        'routes failed or withdrawn' as coverage_subject,
        'the day of the outcome' as coverage_of,
        'training end date or event' as known_from_source,
        sum(case when route_outcome_date is not null then 1 else 0 end) as known,
        count(*) as total
    from not_held
    where route_outcome in ('failed', 'withdrawn')
    union all
    select
        'routes that hold QTS, EYTS or PQTS' as coverage_subject,
        'the day of the award' as coverage_of,
        'holds from' as known_from_source,
        sum(case when holds_from is not null then 1 else 0 end) as known,
        count(*) as total
    from held
    where professional_status != 'EYPS'

)

select * from final
