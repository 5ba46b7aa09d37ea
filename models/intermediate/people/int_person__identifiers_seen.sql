{#- Each sighting: whose, what, where and when. A place says nothing of an identifier that it does not have. -#}
with

people as (

    select
        person_id,
        trn,
        {{ normalised_nino('national_insurance_number') }} as nino,
        dqt_contact_id,
        source_trn_request_id,
        {{ london_date('created_on') }} as created_date
    from {{ ref('stg_trs__persons') }}

),

employments as (

    select
        person_id,
        {{ normalised_nino('national_insurance_number') }} as nino,
        {{ london_date('created_on') }} as created_date,
        last_extract_date
    from {{ ref('stg_trs__tps_employments') }}

),

extract_rows as (

    select
        trn,
        {{ normalised_nino('national_insurance_number') }} as nino,
        extract_date
    from {{ ref('stg_trs__tps_csv_extract_items') }}

),

requests as (

    select
        resolved_person_id as person_id,
        request_id,
        one_login_user_subject,
        {{ normalised_nino('national_insurance_number') }} as nino,
        {{ london_date('created_on') }} as created_date
    from {{ ref('stg_trs__trn_request_metadata') }}

),

one_login_users as (

    select
        person_id,
        subject,
        {{ london_date('matched_on') }} as matched_date
    from {{ ref('stg_trs__one_login_users') }}

),

routes as (

    select
        person_id,
        source_application_reference,
        {{ london_date('created_on') }} as created_date
    from {{ ref('stg_trs__qualifications') }}
    where not is_deleted

),

seen as (

    select
        person_id,
        'TRN' as identifier_type,
        trn as identifier_value,
        'person record' as seen_in,
        created_date as first_date,
        cast(null as date) as last_date,
        1 as is_present
    from people
    union all
    select
        person_id,
        'National Insurance number' as identifier_type,
        nino as identifier_value,
        'person record' as seen_in,
        cast(null as date) as first_date,
        cast(null as date) as last_date,
        1 as is_present
    from people
    union all
    select
        person_id,
        'DQT contact' as identifier_type,
        dqt_contact_id as identifier_value,
        'person record' as seen_in,
        created_date as first_date,
        cast(null as date) as last_date,
        1 as is_present
    from people
    union all
    select
        person_id,
        'TRN request' as identifier_type,
        source_trn_request_id as identifier_value,
        'person record' as seen_in,
        created_date as first_date,
        cast(null as date) as last_date,
        1 as is_present
    from people
    union all
    select
        person_id,
        'National Insurance number' as identifier_type,
        nino as identifier_value,
        'pension employment' as seen_in,
        created_date as first_date,
        last_extract_date as last_date,
        0 as is_present
    from employments
    union all
    select
        people.person_id,
        'National Insurance number' as identifier_type,
        extract_rows.nino as identifier_value,
        'pension extract' as seen_in,
        extract_rows.extract_date as first_date,
        extract_rows.extract_date as last_date,
        0 as is_present
    from extract_rows
    inner join people
        on extract_rows.trn = people.trn
    union all
    select
        person_id,
        'National Insurance number' as identifier_type,
        nino as identifier_value,
        'request for a TRN' as seen_in,
        created_date as first_date,
        created_date as last_date,
        0 as is_present
    from requests
    union all
    select
        person_id,
        'TRN request' as identifier_type,
        request_id as identifier_value,
        'request for a TRN' as seen_in,
        created_date as first_date,
        created_date as last_date,
        0 as is_present
    from requests
    union all
    select
        person_id,
        'One Login subject' as identifier_type,
        one_login_user_subject as identifier_value,
        'request for a TRN' as seen_in,
        created_date as first_date,
        created_date as last_date,
        0 as is_present
    from requests
    union all
    select
        person_id,
        'One Login subject' as identifier_type,
        subject as identifier_value,
        'One Login connection' as seen_in,
        matched_date as first_date,
        cast(null as date) as last_date,
        1 as is_present
    from one_login_users
    union all
    select
        person_id,
        'application reference' as identifier_type,
        source_application_reference as identifier_value,
        'route' as seen_in,
        created_date as first_date,
        cast(null as date) as last_date,
        1 as is_present
    from routes

),

final as (

    select
        person_id as identified_person_id,
        identifier_type,
        identifier_value,
        seen_in,
        min(first_date) as first_seen_date,
        case when is_present = 0 then max(last_date) end as last_seen_date,
        is_present = 1 as is_present_identifier
    from seen
    where person_id is not null and identifier_value is not null
    group by person_id, identifier_type, identifier_value, seen_in, is_present

)

select * from final
