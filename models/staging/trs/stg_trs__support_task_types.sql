with

source as (

    select * from {{ replica('support_task_types') }}

),

support_task_type_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'SupportTaskType'

),

final as (

    select
        source.support_task_type,
        {{ label_of('source.support_task_type', 'support_task_type_labels') }} as support_task_type_label,
        {{ as_text('source.name') }} as name
    from source
    left join support_task_type_labels
        on support_task_type_labels.code = {{ as_text('source.support_task_type') }}

)

select * from final
