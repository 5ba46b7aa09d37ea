with

requests as (

    select * from {{ ref('stg_trs__trn_request_metadata') }}

),

answers as (

    select * from {{ ref('int_trn_request__answers') }}

),

support_tasks as (

    select * from {{ ref('stg_trs__support_tasks') }}
    where not is_deleted

),

persons as (

    select * from {{ ref('stg_trs__persons') }}

),

-- The last event that brought the request into the status that it has.
by_event as (

    select
        requests.application_user_id,
        requests.request_id,
        max(answers.request_answer_at) as completed_at
    from requests
    inner join answers
        on
            requests.application_user_id = answers.application_user_id
            and requests.request_id = answers.trn_request_id
            and {{ as_text('requests.status') }} = answers.request_status_code
    where answers.request_status_code != coalesce(answers.request_old_status_code, 'none')
    group by requests.application_user_id, requests.request_id

),

-- A task of types 4 and 5 is about the answer itself; type 6 holds the answer back until checks are done.
by_task as (

    select
        trn_request_application_user_id as application_user_id,
        trn_request_id as request_id,
        max(completed_on) as completed_at
    from support_tasks
    where status = 1 and support_task_type in (4, 5, 6)
    group by trn_request_application_user_id, trn_request_id

),

-- TRS makes the record of a new person and answers in one transaction.
by_record as (

    select
        source_application_user_id as application_user_id,
        source_trn_request_id as request_id,
        min(created_on) as completed_at
    from persons
    group by source_application_user_id, source_trn_request_id

),

found as (

    select
        requests.application_user_id,
        requests.request_id,
        requests.status,
        by_event.completed_at as event_at,
        case when by_task.completed_at >= requests.created_on then by_task.completed_at end as task_at,
        case
            when by_record.completed_at >= requests.created_on and requests.status = 1 then by_record.completed_at
        end as record_at
    from requests
    left join by_event
        on
            requests.application_user_id = by_event.application_user_id
            and requests.request_id = by_event.request_id
    left join by_task
        on
            requests.application_user_id = by_task.application_user_id
            and requests.request_id = by_task.request_id
    left join by_record
        on
            requests.application_user_id = by_record.application_user_id
            and requests.request_id = by_record.request_id

),

final as (

    select
        application_user_id,
        request_id as trn_request_id,
        case when status != 0 then coalesce(event_at, record_at, task_at) end as completed_at,
        case
            when status = 0 then 'pending'
            when event_at is not null then 'event'
            when record_at is not null then 'person record'
            when task_at is not null then 'support task'
            else 'unknown'
        end as completed_from
    from found

)

select * from final
