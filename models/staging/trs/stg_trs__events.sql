with

source as (

    select * from {{ replica('events') }}

),

final as (

    select
        {{ as_text('source.event_id') }} as event_id,
        {{ as_text('source.event_name') }} as event_name,
        {{ finite('source.created') }} as created,
        {{ finite('source.inserted') }} as inserted,
        source.payload,
        source.published,
        {{ as_text('source.person_id') }} as person_id,
        {{ as_text_array('source.person_ids') }} as person_ids,
        {{ as_text('source.qualification_id') }} as qualification_id,
        {{ as_text('source.alert_id') }} as alert_id,
        {{ infinite_count(['source.created', 'source.inserted']) }} as infinite_value_count,
        {{ original_dates(['source.created', 'source.inserted']) }} as dates_out_of_range
    from source

)

select * from final
