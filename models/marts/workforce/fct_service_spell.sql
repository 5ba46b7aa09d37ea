with

employments as (

    select * from {{ ref('fct_employment') }}

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

spells as (

    {{ service_spells('true') }}

),

final as (

    select
        spells.live_person_id,
        spells.spell_number,
        spells.spell_start_date,
        spells.spell_employment_count,
        case when spells.last_day < cast('9998-12-31' as date) then spells.last_day end as spell_end_date,
        spells.last_day = cast('9998-12-31' as date) as is_continuing,
        coalesce(standings.is_live, false) as is_live,
        coalesce(standings.is_active, false) as is_active,
        coalesce(standings.is_deceased, false) as is_deceased
    from spells
    left join standings
        on spells.live_person_id = standings.person_id

)

select * from final
