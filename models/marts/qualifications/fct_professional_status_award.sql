with

awards_of_records as (

    select * from {{ ref('fct_professional_status') }}

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

routes as (

    select * from {{ ref('fct_route') }}

),

-- The earliest award on any record of the person; one without a date counts only where there is no other.
ranked as (

    select
        awards_of_records.*,
        row_number() over (
            partition by awards_of_records.live_person_id, awards_of_records.professional_status
            order by
                awards_of_records.awarded_date nulls last,
                case when awards_of_records.person_id = awards_of_records.live_person_id then 0 else 1 end nulls last,
                awards_of_records.awarding_qualification_id nulls last
        ) as place,
        sum(awards_of_records.held_route_count) over (
            partition by awards_of_records.live_person_id, awards_of_records.professional_status
        ) as person_held_route_count
    from awards_of_records

),

final as (

    select
        ranked.live_person_id,
        ranked.professional_status,
        ranked.professional_status_name,
        standings.is_live,
        standings.is_active,
        standings.is_deceased,
        ranked.awarded_date,
        ranked.dates_out_of_range,
        ranked.person_id as awarding_person_id,
        ranked.awarding_qualification_id,
        ranked.route_type_id,
        ranked.route_type_name,
        ranked.award_group,
        ranked.is_qtls,
        routes.training_provider_id,
        routes.training_provider_ukprn,
        routes.training_provider_name,
        ranked.person_id != ranked.live_person_id as is_on_merged_record,
        ranked.awarded_date is null and ranked.professional_status != 'EYPS' as has_no_award_date,
        coalesce(ranked.awarded_date > {{ as_at_date() }}, false) as is_awarded_in_future,
        cast(ranked.person_held_route_count as {{ dbt.type_int() }}) as held_route_count
    from ranked
    left join standings
        on ranked.live_person_id = standings.person_id
    left join routes
        on ranked.awarding_qualification_id = routes.qualification_id
    where ranked.place = 1

)

select * from final
