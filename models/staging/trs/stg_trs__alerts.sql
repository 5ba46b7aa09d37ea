with

source as (

    select * from {{ replica('alerts') }}

),

final as (

    select
        {{ as_text('source.alert_id') }} as alert_id,
        {{ as_text('source.alert_type_id') }} as alert_type_id,
        {{ as_text('source.person_id') }} as person_id,
        {{ as_text('source.details') }} as details,
        {{ as_text('source.external_link') }} as external_link,
        {{ finite('source.start_date') }} as start_date,
        {{ finite('source.end_date') }} as end_date,
        {{ is_infinite('source.end_date') }} as has_infinite_end_date,
        {{ finite('source.created_on') }} as created_on,
        {{ finite('source.updated_on') }} as updated_on,
        {{ finite('source.deleted_on') }} as deleted_on,
        source.deleted_on is not null as is_deleted,
        {{ infinite_count([
            'source.start_date',
            'source.end_date',
            'source.created_on',
            'source.updated_on',
            'source.deleted_on'
        ]) }} as infinite_value_count,
        {{ original_dates([
            'source.start_date',
            'source.end_date',
            'source.created_on',
            'source.updated_on',
            'source.deleted_on'
        ]) }} as dates_out_of_range
    from source

)

select * from final
