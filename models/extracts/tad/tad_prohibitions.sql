with

prohibitions as (

    select * from {{ ref('fct_prohibitions_by_year') }}
    where year_type = 'financial' and is_in_published_total and statistics_year != 'unknown'

),

status_items as (

    select 'In force' as prohibition_status
    union all
    select 'Ended' as prohibition_status
    union all
    select 'Total' as prohibition_status

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        'Financial year' as time_identifier,
        'National' as geographic_level,
        'E92000001' as country_code,
        'England' as country_name,
        status_items.prohibition_status,
        replace(prohibitions.statistics_year, '-', '') as time_period,
        {{
            as_text(
                "case status_items.prohibition_status"
                ~ " when 'In force' then prohibitions.open_prohibition_count"
                ~ " when 'Ended' then prohibitions.prohibition_count - prohibitions.open_prohibition_count"
                ~ " else prohibitions.prohibition_count end"
            )
        }} as prohibition_count
    from prohibitions
    cross join status_items

)

select * from final
