with

source as (

    select * from {{ replica('previous_names') }}

),

final as (

    select
        {{ as_text('source.previous_name_id') }} as previous_name_id,
        {{ as_text('source.person_id') }} as person_id,
        {{ finite('source.created_on') }} as created_on,
        {{ finite('source.updated_on') }} as updated_on,
        {{ finite('source.deleted_on') }} as deleted_on,
        {{ as_text('source.first_name') }} as first_name,
        {{ as_text('source.middle_name') }} as middle_name,
        {{ as_text('source.last_name') }} as last_name,
        {{ as_text_array('source.dqt_previous_name_ids') }} as dqt_previous_name_ids,
        {{ as_text('source.dqt_audit_id') }} as dqt_audit_id,
        source.deleted_on is not null as is_deleted,
        {{ infinite_count([
            'source.created_on',
            'source.updated_on',
            'source.deleted_on'
        ]) }} as infinite_value_count,
        {{ original_dates([
            'source.created_on',
            'source.updated_on',
            'source.deleted_on'
        ]) }} as dates_out_of_range
    from source

)

select * from final
