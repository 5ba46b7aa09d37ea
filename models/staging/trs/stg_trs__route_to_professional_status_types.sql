with

source as (

    select * from {{ replica('route_to_professional_status_types') }}

),

professional_status_type_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'ProfessionalStatusType'

),

field_requirement_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'FieldRequirement'

),

final as (

    select
        {{ as_text('source.route_to_professional_status_type_id') }} as route_to_professional_status_type_id,
        {{ as_text('source.name') }} as name,
        source.professional_status_type,
        {{ label_of(
            'source.professional_status_type',
            'professional_status_type_labels'
        ) }} as professional_status_type_label,
        source.is_active,
        source.training_start_date_required,
        {{ label_of(
            'source.training_start_date_required',
            'training_start_date_labels'
        ) }} as training_start_date_required_label,
        source.training_end_date_required,
        {{ label_of(
            'source.training_end_date_required',
            'training_end_date_labels'
        ) }} as training_end_date_required_label,
        source.holds_from_required,
        {{ label_of('source.holds_from_required', 'holds_from_labels') }} as holds_from_required_label,
        source.induction_exemption_required,
        {{ label_of(
            'source.induction_exemption_required',
            'induction_exemption_labels'
        ) }} as induction_exemption_required_label,
        source.training_provider_required,
        {{ label_of(
            'source.training_provider_required',
            'training_provider_labels'
        ) }} as training_provider_required_label,
        source.degree_type_required,
        {{ label_of('source.degree_type_required', 'degree_type_labels') }} as degree_type_required_label,
        source.training_country_required,
        {{ label_of(
            'source.training_country_required',
            'training_country_labels'
        ) }} as training_country_required_label,
        source.training_age_specialism_type_required,
        {{ label_of(
            'source.training_age_specialism_type_required',
            'training_age_specialism_type_labels'
        ) }} as training_age_specialism_type_required_label,
        source.training_subjects_required,
        {{ label_of(
            'source.training_subjects_required',
            'training_subjects_labels'
        ) }} as training_subjects_required_label,
        {{ as_text('source.induction_exemption_reason_id') }} as induction_exemption_reason_id
    from source
    left join professional_status_type_labels
        on professional_status_type_labels.code = {{ as_text('source.professional_status_type') }}
    left join field_requirement_labels as training_start_date_labels
        on training_start_date_labels.code = {{ as_text('source.training_start_date_required') }}
    left join field_requirement_labels as training_end_date_labels
        on training_end_date_labels.code = {{ as_text('source.training_end_date_required') }}
    left join field_requirement_labels as holds_from_labels
        on holds_from_labels.code = {{ as_text('source.holds_from_required') }}
    left join field_requirement_labels as induction_exemption_labels
        on induction_exemption_labels.code = {{ as_text('source.induction_exemption_required') }}
    left join field_requirement_labels as training_provider_labels
        on training_provider_labels.code = {{ as_text('source.training_provider_required') }}
    left join field_requirement_labels as degree_type_labels
        on degree_type_labels.code = {{ as_text('source.degree_type_required') }}
    left join field_requirement_labels as training_country_labels
        on training_country_labels.code = {{ as_text('source.training_country_required') }}
    left join field_requirement_labels as training_age_specialism_type_labels
        on training_age_specialism_type_labels.code = {{ as_text('source.training_age_specialism_type_required') }}
    left join field_requirement_labels as training_subjects_labels
        on training_subjects_labels.code = {{ as_text('source.training_subjects_required') }}

)

select * from final
