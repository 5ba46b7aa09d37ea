with

source as (

    select * from {{ replica('route_migration_report_items') }}

),

final as (

    select
        {{ as_text('source.route_migration_report_item_id') }} as route_migration_report_item_id,
        {{ as_text('source.person_id') }} as person_id,
        source.migrated,
        {{ as_text('source.not_migrated_reason') }} as not_migrated_reason,
        {{ as_text('source.dqt_initial_teacher_training_id') }} as dqt_initial_teacher_training_id,
        {{ as_text('source.dqt_itt_slug_id') }} as dqt_itt_slug_id,
        {{ as_text('source.dqt_itt_programme_type') }} as dqt_itt_programme_type,
        {{ finite('source.dqt_itt_programme_start_date') }} as dqt_itt_programme_start_date,
        {{ finite('source.dqt_itt_programme_end_date') }} as dqt_itt_programme_end_date,
        {{ as_text('source.dqt_itt_result') }} as dqt_itt_result,
        {{ as_text('source.dqt_itt_qualification_name') }} as dqt_itt_qualification_name,
        {{ as_text('source.dqt_itt_qualification_value') }} as dqt_itt_qualification_value,
        {{ as_text('source.dqt_itt_provider_id') }} as dqt_itt_provider_id,
        {{ as_text('source.dqt_itt_provider_name') }} as dqt_itt_provider_name,
        {{ as_text('source.dqt_itt_provider_ukprn') }} as dqt_itt_provider_ukprn,
        {{ as_text('source.dqt_itt_country_name') }} as dqt_itt_country_name,
        {{ as_text('source.dqt_itt_country_value') }} as dqt_itt_country_value,
        {{ as_text('source.dqt_itt_subject1_name') }} as dqt_itt_subject1_name,
        {{ as_text('source.dqt_itt_subject1_value') }} as dqt_itt_subject1_value,
        {{ as_text('source.dqt_itt_subject2_name') }} as dqt_itt_subject2_name,
        {{ as_text('source.dqt_itt_subject2_value') }} as dqt_itt_subject2_value,
        {{ as_text('source.dqt_itt_subject3_name') }} as dqt_itt_subject3_name,
        {{ as_text('source.dqt_itt_subject3_value') }} as dqt_itt_subject3_value,
        {{ as_text('source.dqt_age_range_from') }} as dqt_age_range_from,
        {{ as_text('source.dqt_age_range_to') }} as dqt_age_range_to,
        {{ as_text('source.dqt_qts_registration_id') }} as dqt_qts_registration_id,
        {{ as_text('source.dqt_teacher_status_name') }} as dqt_teacher_status_name,
        {{ as_text('source.dqt_teacher_status_value') }} as dqt_teacher_status_value,
        {{ as_text('source.dqt_early_years_status_name') }} as dqt_early_years_status_name,
        {{ as_text('source.dqt_early_years_status_value') }} as dqt_early_years_status_value,
        {{ finite('source.dqt_qts_date') }} as dqt_qts_date,
        {{ finite('source.dqt_eyts_date') }} as dqt_eyts_date,
        {{ finite('source.dqt_partial_recognition_date') }} as dqt_partial_recognition_date,
        {{ finite('source.dqt_qtls_date') }} as dqt_qtls_date,
        source.dqt_qtls_date_has_been_set,
        {{ as_text('source.status_derived_route_to_professional_status_type_id') }}
            as status_derived_route_to_professional_status_type_id,
        {{ as_text('source.status_derived_route_to_professional_status_type_name') }}
            as status_derived_route_to_professional_status_type_name,
        {{ as_text('source.programme_type_derived_route_to_professional_status_type_id') }}
            as programme_type_derived_route_to_professional_status_type_id,
        {{ as_text('source.programme_type_derived_route_to_professional_status_type_name') }}
            as programme_type_derived_route_to_professional_status_type_name,
        {{ as_text('source.itt_qualification_derived_route_to_professional_status_type_id') }}
            as itt_qualification_derived_route_to_professional_status_type_id,
        {{ as_text('source.itt_qualification_derived_route_to_professional_status_type_nam') }}
            as itt_qualification_derived_route_to_professional_status_type_nam,
        {{ as_text_array('source.multiple_potential_compatible_itt_records') }}
            as multiple_potential_compatible_itt_records,
        {{ as_text_array('source.induction_exemption_reason_ids_moved_from_person') }}
            as induction_exemption_reason_ids_moved_from_person,
        source.contact_itt_row_count,
        source.contact_qts_row_count,
        {{ as_text('source.route_to_professional_status_type_id') }} as route_to_professional_status_type_id,
        {{ as_text('source.route_to_professional_status_type_name') }} as route_to_professional_status_type_name,
        {{ as_text('source.source_application_reference') }} as source_application_reference,
        {{ as_text('source.source_application_user_id') }} as source_application_user_id,
        {{ as_text('source.source_application_user_short_name') }} as source_application_user_short_name,
        {{ as_text('source.status') }} as status,
        {{ finite('source.holds_from') }} as holds_from,
        {{ finite('source.training_start_date') }} as training_start_date,
        {{ finite('source.training_end_date') }} as training_end_date,
        {{ as_text('source.training_subject1_name') }} as training_subject1_name,
        {{ as_text('source.training_subject1_reference') }} as training_subject1_reference,
        {{ as_text('source.training_subject2_name') }} as training_subject2_name,
        {{ as_text('source.training_subject2_reference') }} as training_subject2_reference,
        {{ as_text('source.training_subject3_name') }} as training_subject3_name,
        {{ as_text('source.training_subject3_reference') }} as training_subject3_reference,
        {{ as_text('source.training_age_specialism_type') }} as training_age_specialism_type,
        source.training_age_specialism_range_from,
        source.training_age_specialism_range_to,
        {{ as_text('source.training_country_name') }} as training_country_name,
        {{ as_text('source.training_country_id') }} as training_country_id,
        {{ as_text('source.training_provider_id') }} as training_provider_id,
        {{ as_text('source.training_provider_name') }} as training_provider_name,
        {{ as_trimmed_text('source.training_provider_ukprn') }} as training_provider_ukprn,
        source.exempt_from_induction,
        source.exempt_from_induction_due_to_qts_date,
        {{ as_text('source.degree_type_id') }} as degree_type_id,
        {{ as_text('source.degree_type_name') }} as degree_type_name,
        {{ finite('source.created_on') }} as created_on,
        {{ infinite_count([
            'source.dqt_itt_programme_start_date',
            'source.dqt_itt_programme_end_date',
            'source.dqt_qts_date',
            'source.dqt_eyts_date',
            'source.dqt_partial_recognition_date',
            'source.dqt_qtls_date',
            'source.holds_from',
            'source.training_start_date',
            'source.training_end_date',
            'source.created_on'
        ]) }} as infinite_value_count,
        {{ original_dates([
            'source.dqt_itt_programme_start_date',
            'source.dqt_itt_programme_end_date',
            'source.dqt_qts_date',
            'source.dqt_eyts_date',
            'source.dqt_partial_recognition_date',
            'source.dqt_qtls_date',
            'source.holds_from',
            'source.training_start_date',
            'source.training_end_date',
            'source.created_on'
        ]) }} as dates_out_of_range
    from source

)

select * from final
