with

spells as (

    select * from {{ ref('fct_service_spell') }}

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        live_person_id,
        spell_number,
        {{ deliverable_date('spell_start_date') }} as spell_start_date,
        {{ deliverable_date('spell_end_date') }} as spell_end_date,
        is_continuing,
        spell_employment_count,
        is_live
    from spells

)

select * from final
