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
        {{ as_trimmed_text('member_id') }} as member_id,
        extract_date
    from {{ ref('stg_trs__tps_csv_extract_items') }}

),

-- Of a row that broke a rule, only what the file had: its TRN may be nobody's.
refused_rows as (

    select
        {{ as_trimmed_text('trn') }} as trn,
        {{ as_trimmed_text('member_id') }} as member_id,
        {{ london_date('created') }} as loaded_date
    from {{ ref('stg_trs__tps_csv_extract_load_items') }}
    where errors != 0

),

requests as (

    select
        resolved_person_id as person_id,
        request_id,
        one_login_user_subject,
        {{ as_trimmed_text('npq_application_id') }} as npq_application_id,
        {{ normalised_nino('national_insurance_number') }} as nino,
        {{ london_date('created_on') }} as created_date
    from {{ ref('stg_trs__trn_request_metadata') }}

),

support_tasks as (

    select
        person_id,
        {{ json_text('data', ['StatedTrn']) }} as trn,
        {{ normalised_nino(json_text('data', ['StatedNationalInsuranceNumber'])) }} as nino,
        {{ london_date('created_on') }} as created_date
    from {{ ref('stg_trs__support_tasks') }}

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
        is_deleted,
        {{ london_date('created_on') }} as created_date,
        {{ london_date('deleted_on') }} as deleted_date
    from {{ ref('stg_trs__qualifications') }}

),

migrated_trainings as (

    select
        person_id,
        {{ as_trimmed_text('dqt_itt_slug_id') }} as application_reference,
        {{ london_date('created_on') }} as created_date
    from {{ ref('stg_trs__route_migration_report_items') }}

),

versions as (

    select
        person_id,
        trn,
        national_insurance_number as nino,
        {{ london_date('known_from') }} as known_from_date,
        {{ london_date('known_to') }} as known_to_date
    from {{ ref('int_person__versions') }}
    where known_to is not null

),

in_events as (

    select * from {{ ref('int_person__identifiers_in_events') }}

),

-- What a record had and has no more.
replaced as (

    {% for kind, column in (('TRN', 'trn'), ('National Insurance number', 'nino')) -%}
    select
        versions.person_id,
        '{{ kind }}' as identifier_type,
        versions.{{ column }} as identifier_value,
        versions.known_from_date,
        versions.known_to_date
    from versions
    left join people
        on versions.person_id = people.person_id
    where people.{{ column }} is null or versions.{{ column }} != people.{{ column }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

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
        case when is_deleted then 'deleted route' else 'route' end as seen_in,
        created_date as first_date,
        deleted_date as last_date,
        case when is_deleted then 0 else 1 end as is_present
    from routes
    union all
    select
        people.person_id,
        'pension member' as identifier_type,
        extract_rows.member_id as identifier_value,
        'pension extract' as seen_in,
        extract_rows.extract_date as first_date,
        extract_rows.extract_date as last_date,
        0 as is_present
    from extract_rows
    inner join people
        on extract_rows.trn = people.trn
    union all
    select
        people.person_id,
        'pension member' as identifier_type,
        refused_rows.member_id as identifier_value,
        'refused row of a pension extract' as seen_in,
        refused_rows.loaded_date as first_date,
        refused_rows.loaded_date as last_date,
        0 as is_present
    from refused_rows
    inner join people
        on refused_rows.trn = people.trn
    union all
    select
        person_id,
        'NPQ application' as identifier_type,
        npq_application_id as identifier_value,
        'request for a TRN' as seen_in,
        created_date as first_date,
        created_date as last_date,
        0 as is_present
    from requests
    union all
    select
        person_id,
        'TRN' as identifier_type,
        trn as identifier_value,
        'stated in a support task' as seen_in,
        created_date as first_date,
        created_date as last_date,
        0 as is_present
    from support_tasks
    union all
    select
        person_id,
        'National Insurance number' as identifier_type,
        nino as identifier_value,
        'stated in a support task' as seen_in,
        created_date as first_date,
        created_date as last_date,
        0 as is_present
    from support_tasks
    union all
    select
        person_id,
        'application reference' as identifier_type,
        application_reference as identifier_value,
        'training record of DQT' as seen_in,
        created_date as first_date,
        created_date as last_date,
        0 as is_present
    from migrated_trainings
    union all
    select
        person_id,
        identifier_type,
        identifier_value,
        'person record before' as seen_in,
        known_from_date as first_date,
        known_to_date as last_date,
        0 as is_present
    from replaced
    union all
    select
        identified_person_id as person_id,
        identifier_type,
        identifier_value,
        seen_in,
        first_seen_date as first_date,
        last_seen_date as last_date,
        0 as is_present
    from in_events

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
