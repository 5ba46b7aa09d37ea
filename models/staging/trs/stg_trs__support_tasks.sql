with

source as (

    select * from {{ replica('support_tasks') }}

),

support_task_type_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'SupportTaskType'

),

support_task_status_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'SupportTaskStatus'

),

support_task_outcome_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'SupportTaskOutcome'

),

final as (

    select
        {{ as_text('source.support_task_reference') }} as support_task_reference,
        {{ finite('source.created_on') }} as created_on,
        {{ finite('source.updated_on') }} as updated_on,
        {{ finite('source.deleted_on') }} as deleted_on,
        source.support_task_type,
        {{ label_of('source.support_task_type', 'support_task_type_labels') }} as support_task_type_label,
        source.status,
        {{ label_of('source.status', 'support_task_status_labels') }} as status_label,
        {{ as_text('source.one_login_user_subject') }} as one_login_user_subject,
        {{ as_text('source.person_id') }} as person_id,
        {{ as_text('source.trn_request_application_user_id') }} as trn_request_application_user_id,
        {{ as_text('source.trn_request_id') }} as trn_request_id,
        source.data,
        {{ as_text('source.assigned_to_user_id') }} as assigned_to_user_id,
        {{ as_text('source.completed_by_user_id') }} as completed_by_user_id,
        {{ finite('source.completed_on') }} as completed_on,
        {{ as_text('source.subject_email_address') }} as subject_email_address,
        {{ as_text('source.subject_name') }} as subject_name,
        {{ as_text_array('source.zendesk_tickets') }} as zendesk_tickets,
        source.outcome,
        {{ label_of('source.outcome', 'support_task_outcome_labels') }} as outcome_label,
        {{ as_text('source.source_application_user_id') }} as source_application_user_id,
        source.deleted_on is not null as is_deleted,
        {{ infinite_count([
            'source.created_on',
            'source.updated_on',
            'source.deleted_on',
            'source.completed_on'
        ]) }} as infinite_value_count,
        {{ original_dates([
            'source.created_on',
            'source.updated_on',
            'source.deleted_on',
            'source.completed_on'
        ]) }} as dates_out_of_range
    from source
    left join support_task_type_labels
        on support_task_type_labels.code = {{ as_text('source.support_task_type') }}
    left join support_task_status_labels
        on support_task_status_labels.code = {{ as_text('source.status') }}
    left join support_task_outcome_labels
        on support_task_outcome_labels.code = {{ as_text('source.outcome') }}

)

select * from final
