with

source as (

    select * from {{ replica('processes') }}

),

process_type_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'ProcessType'

),

final as (

    select
        {{ as_text('source.process_id') }} as process_id,
        source.process_type,
        {{ label_of('source.process_type', 'process_type_labels') }} as process_type_label,
        {{ finite('source.created_on') }} as created_on,
        {{ finite('source.updated_on') }} as updated_on,
        {{ as_text('source.user_id') }} as user_id,
        {{ as_text('source.dqt_user_id') }} as dqt_user_id,
        {{ as_text('source.dqt_user_name') }} as dqt_user_name,
        {{ as_text_array('source.person_ids') }} as person_ids,
        source.change_reason,
        {{ as_text_array('source.one_login_user_subjects') }} as one_login_user_subjects,
        {{ as_text_array('source.support_task_references') }} as support_task_references,
        {{ infinite_count(['source.created_on', 'source.updated_on']) }} as infinite_value_count,
        {{ original_dates(['source.created_on', 'source.updated_on']) }} as dates_out_of_range
    from source
    left join process_type_labels
        on process_type_labels.code = {{ as_text('source.process_type') }}

)

select * from final
