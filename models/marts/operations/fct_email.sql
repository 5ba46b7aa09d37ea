with

emails as (

    select * from {{ ref('stg_trs__emails') }}

),

recipients as (

    select * from {{ ref('int_email__recipients') }}

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

final as (

    select
        emails.email_id as message_id,
        emails.template_id as message_template_id,
        emails.sent_on as sent_at,
        emails.dates_out_of_range,
        {{ london_date('emails.sent_on') }} as sent_date,
        emails.sent_on is not null or emails.infinite_value_count > 0 as is_sent,
        recipients.person_id,
        recipients.person_known_from,
        coalesce(standings.live_person_id, recipients.person_id) as live_person_id,
        standings.is_live,
        standings.is_active,
        standings.is_deceased
    from emails
    left join recipients
        on emails.email_id = recipients.message_id
    left join standings
        on recipients.person_id = standings.person_id

)

select * from final
