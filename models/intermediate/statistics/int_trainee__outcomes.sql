with

routes as (

    select * from {{ ref('int_route__typed') }}
    where not is_deleted and award_group in ('ITT England', 'Early years') and professional_status in ('QTS', 'EYTS')

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

-- The end of training may be one that is only expected: after the day of the build it says nothing of an outcome.
judged as (

    select
        routes.*,
        coalesce(standings.live_person_id, routes.person_id) as live_person_id,
        case when routes.training_end_date <= {{ as_at_date() }} then routes.training_end_date end as ended_date,
        case
            when routes.route_status = 1 then 'awarded'
            when routes.route_status = 4 then 'not awarded'
            when routes.route_status = 5 then 'left'
            when routes.route_status in (0, 2, 3, 6) then 'yet to complete'
            else {{ unknown_code('routes.route_status') }}
        end as broad_outcome
    from routes
    left join standings
        on routes.person_id = standings.person_id

),

dated as (

    select
        judged.*,
        case judged.broad_outcome
            when 'awarded' then coalesce(judged.holds_from, judged.ended_date)
            when 'not awarded' then judged.ended_date
            when 'left' then judged.ended_date
        end as outcome_date,
        case
            when judged.broad_outcome = 'awarded' and judged.holds_from is not null then 'award date'
            when judged.broad_outcome not in ('awarded', 'not awarded', 'left') then 'no outcome yet'
            when judged.ended_date is not null then 'training end date'
            else 'unknown'
        end as outcome_date_source,
        case
            when judged.broad_outcome != 'left' then judged.broad_outcome
            when judged.ended_date >= {{ dbt.dateadd('day', 90, 'judged.training_start_date') }} then 'left'
            when judged.ended_date >= judged.training_start_date then 'left within 90 days'
            else 'left, time unknown'
        end as trainee_outcome
    from judged

),

labelled as (

    select
        dated.*,
        coalesce({{ training_year('dated.outcome_date') }}, 'unknown') as training_year
    from dated

),

-- A person with several routes counts once in a year, by the outcome that went furthest.
ranked as (

    select
        labelled.*,
        row_number() over (
            partition by labelled.live_person_id, labelled.training_year, labelled.professional_status
            order by
                case labelled.trainee_outcome
                    when 'awarded' then 1
                    when 'not awarded' then 2
                    when 'left' then 3
                    when 'left within 90 days' then 4
                    when 'left, time unknown' then 5
                    when 'yet to complete' then 6
                    else 7
                end nulls last,
                labelled.outcome_date nulls last,
                labelled.qualification_id nulls last
        ) as place
    from labelled

),

final as (

    select
        live_person_id,
        training_year,
        professional_status,
        qualification_id,
        award_group,
        trainee_outcome,
        outcome_date,
        outcome_date_source,
        coalesce(training_provider_id, 'none') as training_provider_id,
        professional_status = 'QTS'
        and award_group = 'ITT England'
        and trainee_outcome in ('awarded', 'not awarded', 'left')
        and training_year != 'unknown' as is_in_published_rate
    from ranked
    where place = 1

)

select * from final
