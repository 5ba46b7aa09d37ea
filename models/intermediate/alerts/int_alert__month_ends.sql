{#- The last days of the thirteen months before the day of the build. -#}
{%- set month_ends = [] -%}
{%- for months_back in range(1, 14) -%}
{%- set month_end = dbt.last_day(dbt.dateadd('month', -months_back, as_at_date()), 'month') -%}
{%- do month_ends.append('cast(' ~ month_end ~ ' as date)') -%}
{%- endfor -%}

with

recorded as (

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
        recorded.month_end_date,
        recorded.alert_id,
        coalesce(
            max(case when recorded.is_known_now = 1 then recorded.alert_type_id end), max(recorded.alert_type_id)
        ) as alert_type_id,
        max(recorded.was_known_then) = 1 as was_known_then,
        max(recorded.is_known_now) = 1 as is_known_now,
        {{ end_of_day('recorded.month_end_date') }} < history.began_at as is_before_history
    from recorded
    cross join history
    group by recorded.month_end_date, recorded.alert_id, history.began_at

)

select * from final
