with

tasks as (

    select * from {{ ref('int_support_task__dated') }}
    where task_created_date is not null

),

days as (

    select * from {{ ref('dim_date') }}
    where date_day <= {{ as_at_date() }}

),

-- A task is in the backlog from the day on which it is made to the day before it is completed or deleted.
movements as (

    select
        support_task_type,
        support_task_type_label,
        task_created_date as date_day,
        1 as created_count,
        0 as completed_count,
        0 as deleted_count,
        0 as unknown_end_count
    from tasks
    union all
    select
        support_task_type,
        support_task_type_label,
        task_left_date as date_day,
        0 as created_count,
        case when task_left_by = 'completed' then 1 else 0 end as completed_count,
        case when task_left_by = 'deleted' then 1 else 0 end as deleted_count,
        case when task_left_by = 'unknown' then 1 else 0 end as unknown_end_count
    from tasks
    where task_left_date is not null

),

by_day as (

    select
        support_task_type,
        date_day,
        sum(created_count) as created_count,
        sum(completed_count) as completed_count,
        sum(deleted_count) as deleted_count,
        sum(unknown_end_count) as unknown_end_count
    from movements
    group by support_task_type, date_day

),

types as (

    select
        support_task_type,
        support_task_type_label,
        min(date_day) as first_day
    from movements
    group by support_task_type, support_task_type_label

),

final as (

    select
        days.date_day,
        types.support_task_type,
        types.support_task_type_label,
        coalesce(by_day.created_count, 0) as created_task_count,
        coalesce(by_day.completed_count, 0) as completed_task_count,
        coalesce(by_day.deleted_count, 0) as deleted_task_count,
        cast(
            sum(
                coalesce(by_day.created_count, 0)
                - coalesce(by_day.completed_count, 0)
                - coalesce(by_day.deleted_count, 0)
                - coalesce(by_day.unknown_end_count, 0)
            ) over so_far
            as {{ dbt.type_bigint() }}
        ) as open_task_count,
        cast(sum(coalesce(by_day.unknown_end_count, 0)) over so_far as {{ dbt.type_bigint() }})
            as unknown_end_task_count
    from types
    inner join days
        on types.first_day <= days.date_day
    left join by_day
        on
            types.support_task_type = by_day.support_task_type
            and days.date_day = by_day.date_day
    window so_far as (
        partition by types.support_task_type
        order by days.date_day nulls last
        rows between unbounded preceding and current row
    )

)

select * from final
