with

alerts as (

    select
        *,
        -- One of which nobody can read when it began counts from the first day that can be read.
        coalesce(
            start_date,
            {{ london_date('created_on') }},
            end_date,
            {{ london_date('updated_on') }},
            {{ as_at_date() }}
        ) as opened_date,
        -- An end that is no day (infinity) closed the alert when it was last changed.
        coalesce(end_date, {{ london_date('updated_on') }}) as ended_date
    from {{ ref('int_alert__live') }}

),

dated as (

    select
        alert_group,
        is_prohibition,
        opened_date,
        coalesce(alert_category_id, 'unknown') as alert_category_id,
        coalesce(alert_category_name, 'unknown') as alert_category_name,
        -- One that ends before it starts was open on no day: it opens and closes on one.
        case when not is_open then {{ later_of('ended_date', 'opened_date') }} end as closed_date,
        case when is_prohibition_in_legacy_api then 1 else 0 end as legacy_prohibition
    from alerts

),

changes as (

    select
        alert_category_id,
        alert_category_name,
        alert_group,
        is_prohibition,
        opened_date as date_day,
        1 as opened,
        0 as closed,
        legacy_prohibition as legacy_change
    from dated
    union all
    select
        alert_category_id,
        alert_category_name,
        alert_group,
        is_prohibition,
        closed_date as date_day,
        0 as opened,
        1 as closed,
        -legacy_prohibition as legacy_change
    from dated
    where closed_date is not null

),

counted as (

    select
        date_day,
        alert_category_id,
        alert_category_name,
        alert_group,
        is_prohibition,
        sum(opened) as opened,
        sum(closed) as closed,
        sum(legacy_change) as legacy_change
    from changes
    group by date_day, alert_category_id, alert_category_name, alert_group, is_prohibition

),

final as (

    select
        date_day,
        alert_category_id,
        alert_category_name,
        alert_group,
        is_prohibition,
        cast(opened as {{ dbt.type_bigint() }}) as alerts_opened,
        cast(closed as {{ dbt.type_bigint() }}) as alerts_closed,
        cast(
            sum(opened - closed) over (
                partition by alert_category_id
                order by date_day nulls first
                rows between unbounded preceding and current row
            ) as {{ dbt.type_bigint() }}
        ) as alerts_open_at_end_of_day,
        cast(
            sum(legacy_change) over (
                partition by alert_category_id
                order by date_day nulls first
                rows between unbounded preceding and current row
            ) as {{ dbt.type_bigint() }}
        ) as legacy_prohibitions_open_at_end_of_day,
        lead(date_day) over (partition by alert_category_id order by date_day nulls first) as next_change_date
    from counted

)

select * from final
