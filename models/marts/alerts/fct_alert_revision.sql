with

month_ends as (

    select * from {{ ref('int_alert__month_ends') }}

),

alert_types as (

    select * from {{ ref('stg_trs__alert_types') }}

),

counted as (

    select
        month_end_date,
        alert_type_id,
        is_before_history,
        sum(case when was_known_then then 1 else 0 end) as known_then,
        sum(case when is_known_now then 1 else 0 end) as known_now,
        sum(case when is_known_now and not was_known_then then 1 else 0 end) as added_later,
        sum(case when was_known_then and not is_known_now then 1 else 0 end) as taken_back_later
    from month_ends
    group by month_end_date, alert_type_id, is_before_history

),

final as (

    select
        counted.month_end_date,
        counted.alert_type_id,
        coalesce(alert_types.name, 'unknown type') as alert_type_name,
        coalesce(alert_types.internal_only, true) as is_internal_only,
        cast(counted.known_now as {{ dbt.type_bigint() }}) as standing_alert_count,
        case
            when not counted.is_before_history then cast(counted.known_then as {{ dbt.type_bigint() }})
        end as standing_alert_count_known_then,
        case
            when not counted.is_before_history then cast(counted.added_later as {{ dbt.type_bigint() }})
        end as standing_alert_count_added_later,
        case
            when not counted.is_before_history then cast(counted.taken_back_later as {{ dbt.type_bigint() }})
        end as standing_alert_count_taken_back_later
    from counted
    left join alert_types
        on counted.alert_type_id = alert_types.alert_type_id

)

select * from final
