with

source as (

    select * from {{ replica('alert_categories') }}

),

final as (

    select
        {{ as_text('source.alert_category_id') }} as alert_category_id,
        {{ as_text('source.name') }} as name,
        source.display_order
    from source

)

select * from final
