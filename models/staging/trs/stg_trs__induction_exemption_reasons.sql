with

source as (

    select * from {{ replica('induction_exemption_reasons') }}

),

final as (

    select
        {{ as_text('source.induction_exemption_reason_id') }} as induction_exemption_reason_id,
        {{ as_text('source.name') }} as name,
        source.is_active,
        source.route_implicit_exemption,
        source.route_only_exemption
    from source

)

select * from final
