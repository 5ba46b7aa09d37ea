with

support_tasks as (

    select * from {{ ref('stg_trs__support_tasks') }}
    where not is_deleted

),

commit_times as (

    {{ commit_times_of('support_tasks') }}

),

final as (

    select
        support_tasks.support_task_reference as id,
        support_tasks.support_task_reference as ticketnumber,
        support_tasks.support_task_type_label as title,
        support_tasks.person_id as customerid,
        {{ old_bit('support_tasks.status = 1') }} as statecode,
        {{ old_datetime('support_tasks.created_on') }} as createdon,
        {{ old_datetime('support_tasks.updated_on') }} as modifiedon,
        {{ legacy_times('incident') }}
    from support_tasks
    left join commit_times
        on support_tasks.support_task_reference = commit_times.replica_key

)

select * from final
