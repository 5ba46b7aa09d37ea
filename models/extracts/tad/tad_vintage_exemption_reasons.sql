with

used as (

    select
        exemption_reason_key,
        exemption_reason
    from {{ ref('fct_induction_exemption') }}
    group by exemption_reason_key, exemption_reason

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        exemption_reason_key,
        exemption_reason
    from used

)

select * from final
