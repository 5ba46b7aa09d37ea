with

requests as (

    select * from {{ ref('stg_trs__trn_request_metadata') }}

),

completions as (

    select * from {{ ref('int_trn_request__completions') }}

),

support_tasks as (

    select
        trn_request_application_user_id,
        trn_request_id,
        count(*) as support_task_count,
        sum(case when status = 1 then 0 else 1 end) as open_support_task_count
    from {{ ref('stg_trs__support_tasks') }}
    where not is_deleted and trn_request_id is not null
    group by trn_request_application_user_id, trn_request_id

),

records_made as (

    select
        source_application_user_id,
        source_trn_request_id,
        person_id
    from {{ ref('stg_trs__persons') }}
    where source_trn_request_id is not null

),

applications as (

    select
        user_id,
        short_name
    from {{ ref('stg_trs__users') }}

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

days as (

    select * from {{ ref('dim_date') }}

),

dated as (

    select
        requests.*,
        {{ london_date('requests.created_on') }} as request_date,
        completions.completed_at,
        {{ london_date('completions.completed_at') }} as completed_date,
        completions.completed_from
    from requests
    left join completions
        on
            requests.application_user_id = completions.application_user_id
            and requests.request_id = completions.trn_request_id

),

final as (

    select
        dated.application_user_id,
        dated.request_id as trn_request_id,
        applications.short_name as application_short_name,
        dated.created_on as request_at,
        dated.request_date,
        dated.dates_out_of_range,
        dated.status as request_status,
        dated.status_label as request_status_label,
        dated.identity_verified as is_identity_verified,
        dated.completed_at,
        dated.completed_date,
        dated.completed_from,
        dated.resolved_person_id as person_id,
        standings.is_live,
        standings.is_active,
        standings.is_deceased,
        coalesce(dated.potential_duplicate, false) as is_potential_duplicate,
        completed_days.working_day_number - request_days.working_day_number as turnaround_working_days,
        coalesce(standings.live_person_id, dated.resolved_person_id) as live_person_id,
        case
            when dated.status = 1 and dated.resolved_person_id is null then 'completed without a record'
            when dated.status = 1 and records_made.person_id is not null then 'new record'
            when dated.status = 1 then 'existing record'
            when dated.status = 0 then 'pending'
            when dated.status = 2 then 'rejected'
            when dated.status = 3 then 'dormant'
            else 'unknown'
        end as request_outcome,
        dated.status != 1 and dated.resolved_person_id is not null as is_resolved_but_not_completed,
        coalesce(support_tasks.support_task_count, 0) as support_task_count,
        coalesce(support_tasks.open_support_task_count, 0) as open_support_task_count,
        dated.npq_application_id is not null as is_for_npq
    from dated
    left join applications
        on dated.application_user_id = applications.user_id
    left join records_made
        on
            dated.application_user_id = records_made.source_application_user_id
            and dated.request_id = records_made.source_trn_request_id
            and dated.resolved_person_id = records_made.person_id
    left join support_tasks
        on
            dated.application_user_id = support_tasks.trn_request_application_user_id
            and dated.request_id = support_tasks.trn_request_id
    left join standings
        on dated.resolved_person_id = standings.person_id
    left join days as request_days
        on dated.request_date = request_days.date_day
    left join days as completed_days
        on dated.completed_date = completed_days.date_day

)

select * from final
