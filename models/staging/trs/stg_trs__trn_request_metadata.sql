with

source as (

    select * from {{ replica('trn_request_metadata') }}

),

gender_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'Gender'

),

trn_request_status_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'TrnRequestStatus'

),

final as (

    select
        {{ as_text('source.application_user_id') }} as application_user_id,
        {{ as_text('source.request_id') }} as request_id,
        {{ finite('source.created_on') }} as created_on,
        source.identity_verified,
        {{ as_text('source.email_address') }} as email_address,
        {{ as_text('source.one_login_user_subject') }} as one_login_user_subject,
        {{ as_text('source.first_name') }} as first_name,
        {{ as_text('source.middle_name') }} as middle_name,
        {{ as_text('source.last_name') }} as last_name,
        {{ as_text('source.previous_first_name') }} as previous_first_name,
        {{ as_text('source.previous_middle_name') }} as previous_middle_name,
        {{ as_text('source.previous_last_name') }} as previous_last_name,
        {{ finite('source.date_of_birth') }} as date_of_birth,
        source.potential_duplicate,
        {{ as_text('source.national_insurance_number') }} as national_insurance_number,
        source.gender,
        {{ label_of('source.gender', 'gender_labels') }} as gender_label,
        {{ as_text('source.address_line1') }} as address_line1,
        {{ as_text('source.address_line2') }} as address_line2,
        {{ as_text('source.address_line3') }} as address_line3,
        {{ as_text('source.city') }} as city,
        {{ as_text('source.postcode') }} as postcode,
        {{ as_text('source.country') }} as country,
        {{ as_text('source.resolved_person_id') }} as resolved_person_id,
        source.status,
        {{ label_of('source.status', 'trn_request_status_labels') }} as status_label,
        source.npq_working_in_educational_setting,
        {{ as_text('source.npq_application_id') }} as npq_application_id,
        {{ as_text('source.npq_name') }} as npq_name,
        {{ as_text('source.npq_training_provider') }} as npq_training_provider,
        {{ as_text('source.work_email_address') }} as work_email_address,
        {{ infinite_count(['source.created_on', 'source.date_of_birth']) }} as infinite_value_count,
        {{ original_dates(['source.created_on', 'source.date_of_birth']) }} as dates_out_of_range
    from source
    left join gender_labels
        on gender_labels.code = {{ as_text('source.gender') }}
    left join trn_request_status_labels
        on trn_request_status_labels.code = {{ as_text('source.status') }}

)

select * from final
