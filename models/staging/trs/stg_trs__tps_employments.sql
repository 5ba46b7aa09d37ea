with

source as (

    select * from {{ replica('tps_employments') }}

),

employment_type_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'EmploymentType'

),

final as (

    select
        {{ as_text('source.tps_employment_id') }} as tps_employment_id,
        {{ as_text('source.person_id') }} as person_id,
        {{ as_text('source.establishment_id') }} as establishment_id,
        {{ finite('source.start_date') }} as start_date,
        {{ finite('source.end_date') }} as end_date,
        {{ is_infinite('source.end_date') }} as has_infinite_end_date,
        {{ finite('source.last_known_tps_employed_date') }} as last_known_tps_employed_date,
        {{ finite('source.last_extract_date') }} as last_extract_date,
        source.employment_type,
        {{ label_of('source.employment_type', 'employment_type_labels') }} as employment_type_label,
        {{ finite('source.created_on') }} as created_on,
        {{ finite('source.updated_on') }} as updated_on,
        {{ as_text('source.' ~ adapter.quote('key')) }} as employment_key,
        {{ as_trimmed_text('source.national_insurance_number') }} as national_insurance_number,
        {{ as_text('source.person_postcode') }} as person_postcode,
        source.withdrawal_confirmed,
        {{ as_text('source.person_email_address') }} as person_email_address,
        {{ as_text('source.employer_postcode') }} as employer_postcode,
        {{ as_text('source.employer_email_address') }} as employer_email_address,
        {{ infinite_count([
            'source.start_date',
            'source.end_date',
            'source.last_known_tps_employed_date',
            'source.last_extract_date',
            'source.created_on',
            'source.updated_on'
        ]) }} as infinite_value_count,
        {{ original_dates([
            'source.start_date',
            'source.end_date',
            'source.last_known_tps_employed_date',
            'source.last_extract_date',
            'source.created_on',
            'source.updated_on'
        ]) }} as dates_out_of_range
    from source
    left join employment_type_labels
        on employment_type_labels.code = {{ as_text('source.employment_type') }}

)

select * from final
