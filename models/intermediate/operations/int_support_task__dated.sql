with

tasks as (

    select * from {{ ref('stg_trs__support_tasks') }}

),

ended as (

    select
        tasks.*,
        -- A status that is not known is not "completed".
        coalesce(tasks.status != 1, true) as is_open,
        case when tasks.status = 1 then tasks.completed_on end as completed_at,
        {{ london_date('created_on') }} as created_date,
        {{ london_date('deleted_on') }} as deleted_date
    from tasks

),

dated as (

    select
        ended.*,
        {{ london_date('completed_at') }} as completed_date
    from ended

),

final as (

    select
        support_task_reference,
        support_task_type,
        support_task_type_label,
        status as support_task_status,
        status_label as support_task_status_label,
        is_open as is_open_task,
        is_deleted,
        created_on as task_created_at,
        created_date as task_created_date,
        completed_at as task_completed_at,
        completed_date as task_completed_date,
        dates_out_of_range,
        outcome as support_task_outcome,
        outcome_label as support_task_outcome_label,
        assigned_to_user_id,
        completed_by_user_id,
        source_application_user_id,
        trn_request_application_user_id as application_user_id,
        trn_request_id,
        person_id,
        not is_open and completed_at is null as lacks_completion_time,
        -- The day on which it stopped waiting. One that was completed on a day not known is counted apart.
        case
            when not is_open or is_deleted
                then {{ later_of(earlier_of('completed_date', 'deleted_date'), 'created_date') }}
        end as task_left_date,
        case
            when completed_date <= coalesce(deleted_date, completed_date) then 'completed'
            when is_deleted then 'deleted'
            when not is_open then 'unknown'
            else 'open'
        end as task_left_by
    from dated

)

select * from final
