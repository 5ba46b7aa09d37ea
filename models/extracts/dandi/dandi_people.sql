with

records as (

    select
        persons.*,
        count(*) over (partition by persons.live_person_id) as record_count
    from {{ ref('dim_person') }} as persons

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        live_person_id,
        is_active,
        gender_label,
        person_origin,
        {{ deliverable_date('record_created_date') }} as record_created_date,
        cast(record_count - 1 as {{ dbt.type_int() }}) as merged_record_count
    from records
    where person_id = live_person_id

)

select * from final
