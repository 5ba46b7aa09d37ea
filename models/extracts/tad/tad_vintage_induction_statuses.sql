with

used as (

    select
        induction_status,
        induction_status_label
    from {{ ref('dim_live_person') }}
    group by induction_status, induction_status_label

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        induction_status,
        induction_status_label
    from used

)

select * from final
