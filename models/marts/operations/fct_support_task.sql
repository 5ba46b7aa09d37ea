with

tasks as (

    select * from {{ ref('int_support_task__dated') }}
    where not is_deleted

),

users as (

    select * from {{ ref('int_user__acting') }}

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

days as (

    select * from {{ ref('dim_date') }}

),

final as (

    select
        tasks.support_task_reference,
        tasks.support_task_type,
        tasks.support_task_type_label,
        tasks.support_task_status,
        tasks.support_task_status_label,
        tasks.is_open_task,
        tasks.task_created_at,
        tasks.task_created_date,
        tasks.task_completed_at,
        tasks.task_completed_date,
        tasks.lacks_completion_time,
        tasks.dates_out_of_range,
        tasks.support_task_outcome,
        tasks.support_task_outcome_label,
        tasks.assigned_to_user_id,
        tasks.completed_by_user_id,
        tasks.source_application_user_id,
        tasks.application_user_id,
        tasks.trn_request_id,
        tasks.person_id,
        standings.is_live,
        standings.is_active,
        standings.is_deceased,
        coalesce(tasks.task_completed_at < tasks.task_created_at, false) as is_completed_before_created,
        completed_days.working_day_number - created_days.working_day_number as turnaround_working_days,
        case
            when tasks.is_open_task then as_at_days.working_day_number - created_days.working_day_number
        end as open_working_days,
        case
            when tasks.assigned_to_user_id is null then 'nobody'
            else coalesce(assignees.user_kind, 'unknown')
        end as assigned_to_kind,
        case
            when tasks.is_open_task then 'nobody'
            else coalesce(completers.user_kind, 'unknown')
        end as completed_by_kind,
        coalesce(standings.live_person_id, tasks.person_id) as live_person_id
    from tasks
    left join users as assignees
        on tasks.assigned_to_user_id = assignees.user_id
    left join users as completers
        on tasks.completed_by_user_id = completers.user_id
    left join standings
        on tasks.person_id = standings.person_id
    left join days as created_days
        on tasks.task_created_date = created_days.date_day
    left join days as completed_days
        on tasks.task_completed_date = completed_days.date_day
    left join days as as_at_days
        on as_at_days.date_day = {{ as_at_date() }}

)

select * from final
