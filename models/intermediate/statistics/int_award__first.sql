with

routes as (

    select * from {{ ref('int_route__typed') }}
    where is_held

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

training_providers as (

    select * from {{ ref('stg_trs__training_providers') }}

),

-- The earliest date over all records of a person that were merged; of one day, the route recorded first.
ranked as (

    select
        routes.*,
        coalesce(standings.live_person_id, routes.person_id) as live_person_id,
        row_number() over (
            partition by coalesce(standings.live_person_id, routes.person_id), routes.professional_status
            order by
                routes.holds_from nulls last,
                routes.created_on nulls last,
                routes.qualification_id nulls last
        ) as place
    from routes
    left join standings
        on routes.person_id = standings.person_id

),

final as (

    select
        ranked.live_person_id,
        ranked.professional_status,
        ranked.qualification_id as awarding_qualification_id,
        ranked.holds_from as awarded_date,
        ranked.award_group,
        {{ is_in_published_awards('ranked.professional_status', 'ranked.award_group') }} as is_in_published_total,
        coalesce(ranked.training_provider_id, 'none') as training_provider_id,
        training_providers.ukprn as training_provider_ukprn,
        training_providers.name as training_provider_name
    from ranked
    left join training_providers
        on ranked.training_provider_id = training_providers.training_provider_id
    where ranked.place = 1

)

select * from final
