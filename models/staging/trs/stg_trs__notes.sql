with

source as (

    select * from {{ replica('notes') }}

),

final as (

    select
        {{ as_text('source.note_id') }} as note_id,
        {{ as_text('source.person_id') }} as person_id,
        {{ as_text('source.content') }} as content,
        {{ finite('source.updated_on') }} as updated_on,
        {{ finite('source.created_on') }} as created_on,
        {{ as_text('source.created_by_user_id') }} as created_by_user_id,
        {{ as_text('source.created_by_dqt_user_id') }} as created_by_dqt_user_id,
        {{ as_text('source.updated_by_dqt_user_id') }} as updated_by_dqt_user_id,
        {{ as_text('source.file_id') }} as file_id,
        {{ infinite_count(['source.updated_on', 'source.created_on']) }} as infinite_value_count,
        {{ original_dates(['source.updated_on', 'source.created_on']) }} as dates_out_of_range
    from source

)

select * from final
