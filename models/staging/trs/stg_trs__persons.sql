with

source as (

    select * from {{ replica('persons') }}

),

person_status_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'PersonStatus'

),

gender_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'Gender'

),

induction_status_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'InductionStatus'

),

qtls_status_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'QtlsStatus'

),

final as (

    select
        {{ as_text('source.person_id') }} as person_id,
        {{ finite('source.created_on') }} as created_on,
        {{ finite('source.updated_on') }} as updated_on,
        {{ finite('source.deleted_on') }} as deleted_on,
        source.status,
        {{ label_of('source.status', 'person_status_labels') }} as status_label,
        {{ as_text('source.merged_with_person_id') }} as merged_with_person_id,
        {{ as_trimmed_text('source.trn') }} as trn,
        {{ as_text('source.first_name') }} as first_name,
        {{ as_text('source.middle_name') }} as middle_name,
        {{ as_text('source.last_name') }} as last_name,
        {{ finite('source.date_of_birth') }} as date_of_birth,
        {{ as_text('source.email_address') }} as email_address,
        {{ as_trimmed_text('source.national_insurance_number') }} as national_insurance_number,
        source.gender,
        {{ label_of('source.gender', 'gender_labels') }} as gender_label,
        source.induction_status,
        {{ label_of('source.induction_status', 'induction_status_labels') }} as induction_status_label,
        source.induction_status_without_exemption,
        {{ label_of(
            'source.induction_status_without_exemption',
            'induction_status_without_exemption_labels'
        ) }} as induction_status_without_exemption_label,
        {{ as_text_array('source.induction_exemption_reason_ids') }} as induction_exemption_reason_ids,
        source.induction_exempt_without_reason,
        {{ finite('source.induction_start_date') }} as induction_start_date,
        {{ finite('source.induction_completed_date') }} as induction_completed_date,
        {{ finite('source.induction_modified_on') }} as induction_modified_on,
        {{ finite('source.cpd_induction_modified_on') }} as cpd_induction_modified_on,
        {{ finite('source.cpd_induction_first_modified_on') }} as cpd_induction_first_modified_on,
        {{ finite('source.cpd_induction_cpd_modified_on') }} as cpd_induction_cpd_modified_on,
        {{ finite('source.qts_date') }} as qts_date,
        source.qtls_status,
        {{ label_of('source.qtls_status', 'qtls_status_labels') }} as qtls_status_label,
        {{ finite('source.eyts_date') }} as eyts_date,
        source.has_eyps,
        {{ finite('source.pqts_date') }} as pqts_date,
        source.created_by_tps,
        {{ as_text('source.source_application_user_id') }} as source_application_user_id,
        {{ as_text('source.source_trn_request_id') }} as source_trn_request_id,
        source.allow_details_updates_from_source_application,
        {{ as_text('source.dqt_contact_id') }} as dqt_contact_id,
        {{ finite('source.dqt_first_sync') }} as dqt_first_sync,
        {{ finite('source.dqt_last_sync') }} as dqt_last_sync,
        source.dqt_state,
        {{ finite('source.dqt_created_on') }} as dqt_created_on,
        {{ finite('source.dqt_modified_on') }} as dqt_modified_on,
        {{ finite('source.dqt_induction_last_sync') }} as dqt_induction_last_sync,
        {{ finite('source.dqt_induction_modified_on') }} as dqt_induction_modified_on,
        {{ finite('source.date_of_death') }} as date_of_death,
        {{ is_infinite('source.date_of_death') }} as has_infinite_date_of_death,
        source.deleted_on is not null as is_deleted,
        {{ infinite_count([
            'source.created_on',
            'source.updated_on',
            'source.deleted_on',
            'source.date_of_birth',
            'source.induction_start_date',
            'source.induction_completed_date',
            'source.induction_modified_on',
            'source.cpd_induction_modified_on',
            'source.cpd_induction_first_modified_on',
            'source.cpd_induction_cpd_modified_on',
            'source.qts_date',
            'source.eyts_date',
            'source.pqts_date',
            'source.dqt_first_sync',
            'source.dqt_last_sync',
            'source.dqt_created_on',
            'source.dqt_modified_on',
            'source.dqt_induction_last_sync',
            'source.dqt_induction_modified_on',
            'source.date_of_death'
        ]) }} as infinite_value_count,
        {{ original_dates([
            'source.created_on',
            'source.updated_on',
            'source.deleted_on',
            'source.date_of_birth',
            'source.induction_start_date',
            'source.induction_completed_date',
            'source.induction_modified_on',
            'source.cpd_induction_modified_on',
            'source.cpd_induction_first_modified_on',
            'source.cpd_induction_cpd_modified_on',
            'source.qts_date',
            'source.eyts_date',
            'source.pqts_date',
            'source.dqt_first_sync',
            'source.dqt_last_sync',
            'source.dqt_created_on',
            'source.dqt_modified_on',
            'source.dqt_induction_last_sync',
            'source.dqt_induction_modified_on',
            'source.date_of_death'
        ]) }} as dates_out_of_range
    from source
    left join person_status_labels
        on person_status_labels.code = {{ as_text('source.status') }}
    left join gender_labels
        on gender_labels.code = {{ as_text('source.gender') }}
    left join induction_status_labels
        on induction_status_labels.code = {{ as_text('source.induction_status') }}
    left join induction_status_labels as induction_status_without_exemption_labels
        on induction_status_without_exemption_labels.code = {{ as_text('source.induction_status_without_exemption') }}
    left join qtls_status_labels
        on qtls_status_labels.code = {{ as_text('source.qtls_status') }}

)

select * from final
