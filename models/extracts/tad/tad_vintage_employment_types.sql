with

used as (

    select
        employment_type,
        employment_type_label
    from {{ ref('fct_employment') }}
    group by employment_type, employment_type_label

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        employment_type,
        employment_type_label
    from used

)

select * from final
