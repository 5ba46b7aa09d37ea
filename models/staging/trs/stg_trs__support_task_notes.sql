with

source as (

    select * from {{ replica('support_task_notes') }}

),

final as (

    select
        {{ as_text('source.support_task_note_id') }} as support_task_note_id,
        {{ as_text('source.support_task_reference') }} as support_task_reference,
        {{ as_text('source.content') }} as content,
        {{ finite('source.created_on') }} as created_on,
        {{ as_text('source.created_by_user_id') }} as created_by_user_id,
        {{ infinite_count(['source.created_on']) }} as infinite_value_count,
        {{ original_dates(['source.created_on']) }} as dates_out_of_range
    from source

)

select * from final
