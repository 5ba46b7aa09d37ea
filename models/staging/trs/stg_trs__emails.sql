with

source as (

    select * from {{ replica('emails') }}

),

final as (

    select
        {{ as_text('source.email_id') }} as email_id,
        {{ as_text('source.template_id') }} as template_id,
        {{ as_text('source.email_address') }} as email_address,
        source.metadata,
        {{ finite('source.sent_on') }} as sent_on,
        {{ as_text('source.email_reply_to_id') }} as email_reply_to_id,
        {{ infinite_count(['source.sent_on']) }} as infinite_value_count,
        {{ original_dates(['source.sent_on']) }} as dates_out_of_range
    from source

)

select * from final
