{#- The last days of the thirteen months before the day of the build. -#}
{%- set month_ends = [] -%}
{%- for months_back in range(1, 14) -%}
{%- set month_end = dbt.last_day(dbt.dateadd('month', -months_back, as_at_date()), 'month') -%}
{%- do month_ends.append('cast(' ~ month_end ~ ' as date)') -%}
{%- endfor -%}

with

told as (

    {% for month_end in month_ends -%}
    select
        {{ as_text('rows_of_day.alert_id') }} as alert_id,
        {{ as_text('rows_of_day.alert_type_id') }} as alert_type_id,
        {{ month_end }} as month_end_date,
        1 as was_known_then,
        0 as is_known_now
    from ({{ as_at('alerts', month_end, known_at=end_of_day(month_end)) }}) as rows_of_day
    union all
    select
        {{ as_text('rows_of_day.alert_id') }} as alert_id,
        {{ as_text('rows_of_day.alert_type_id') }} as alert_type_id,
        {{ month_end }} as month_end_date,
        0 as was_known_then,
        1 as is_known_now
    from ({{ as_at('alerts', month_end) }}) as rows_of_day
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

history as (

    select min(versions.known_from) as began_at
    from {{ source('trs_versions', 'alerts') }} as versions

),

final as (

    select
        told.month_end_date,
        told.alert_id,
        coalesce(
            max(case when told.is_known_now = 1 then told.alert_type_id end), max(told.alert_type_id)
        ) as alert_type_id,
        max(told.was_known_then) = 1 as was_known_then,
        max(told.is_known_now) = 1 as is_known_now,
        {{ end_of_day('told.month_end_date') }} < max(history.began_at) as is_before_history
    from told
    cross join history
    group by told.month_end_date, told.alert_id

)

select * from final
