with

source as (

    select * from {{ replica('process_events') }}

),

final as (

    select
        {{ as_text('source.process_event_id') }} as process_event_id,
        {{ as_text('source.process_id') }} as process_id,
        {{ as_text('source.event_name') }} as event_name,
        source.payload,
        {{ as_text_array('source.person_ids') }} as person_ids,
        {{ finite('source.created_on') }} as created_on,
        {{ as_text_array('source.one_login_user_subjects') }} as one_login_user_subjects,
        {{ as_text_array('source.support_task_references') }} as support_task_references,
        {{ infinite_count(['source.created_on']) }} as infinite_value_count,
        {{ original_dates(['source.created_on']) }} as dates_out_of_range
    from source

)

select * from final
