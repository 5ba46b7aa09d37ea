with

source as (

    select * from {{ replica('qualifications') }}

),

qualification_type_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'QualificationType'

),

mandatory_qualification_specialism_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'MandatoryQualificationSpecialism'

),

mandatory_qualification_status_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'MandatoryQualificationStatus'

),

route_to_professional_status_status_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'RouteToProfessionalStatusStatus'

),

training_age_specialism_type_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'TrainingAgeSpecialismType'

),

final as (

    select
        {{ as_text('source.qualification_id') }} as qualification_id,
        {{ finite('source.created_on') }} as created_on,
        {{ finite('source.updated_on') }} as updated_on,
        {{ finite('source.deleted_on') }} as deleted_on,
        source.qualification_type,
        {{ label_of('source.qualification_type', 'qualification_type_labels') }} as qualification_type_label,
        {{ as_text('source.person_id') }} as person_id,
        {{ as_text('source.mq_provider_id') }} as mq_provider_id,
        source.mq_specialism,
        {{ label_of('source.mq_specialism', 'mandatory_qualification_specialism_labels') }} as mq_specialism_label,
        source.mq_status,
        {{ label_of('source.mq_status', 'mandatory_qualification_status_labels') }} as mq_status_label,
        {{ finite('source.start_date') }} as start_date,
        {{ finite('source.end_date') }} as end_date,
        {{ is_infinite('source.end_date') }} as has_infinite_end_date,
        {{ as_text('source.dqt_qualification_id') }} as dqt_qualification_id,
        {{ as_text('source.dqt_mq_establishment_id') }} as dqt_mq_establishment_id,
        {{ as_text('source.dqt_mq_establishment_value') }} as dqt_mq_establishment_value,
        {{ as_text('source.dqt_specialism_id') }} as dqt_specialism_id,
        {{ as_text('source.dqt_specialism_value') }} as dqt_specialism_value,
        {{ as_text('source.route_to_professional_status_type_id') }} as route_to_professional_status_type_id,
        {{ as_text('source.source_application_user_id') }} as source_application_user_id,
        {{ as_text('source.source_application_reference') }} as source_application_reference,
        source.status,
        {{ label_of('source.status', 'route_to_professional_status_status_labels') }} as status_label,
        {{ finite('source.holds_from') }} as holds_from,
        {{ finite('source.training_start_date') }} as training_start_date,
        {{ finite('source.training_end_date') }} as training_end_date,
        {{ as_text_array('source.training_subject_ids') }} as training_subject_ids,
        source.training_age_specialism_type,
        {{ label_of(
            'source.training_age_specialism_type',
            'training_age_specialism_type_labels'
        ) }} as training_age_specialism_type_label,
        source.training_age_specialism_range_from,
        source.training_age_specialism_range_to,
        {{ as_text('source.training_country_id') }} as training_country_id,
        {{ as_text('source.training_provider_id') }} as training_provider_id,
        source.exempt_from_induction,
        source.exempt_from_induction_due_to_qts_date,
        {{ as_text('source.degree_type_id') }} as degree_type_id,
        {{ as_text('source.dqt_teacher_status_name') }} as dqt_teacher_status_name,
        {{ as_text('source.dqt_teacher_status_value') }} as dqt_teacher_status_value,
        {{ as_text('source.dqt_early_years_status_name') }} as dqt_early_years_status_name,
        {{ as_text('source.dqt_early_years_status_value') }} as dqt_early_years_status_value,
        {{ as_text('source.dqt_initial_teacher_training_id') }} as dqt_initial_teacher_training_id,
        {{ as_text('source.dqt_qts_registration_id') }} as dqt_qts_registration_id,
        {{ as_text('source.dqt_age_range_from') }} as dqt_age_range_from,
        {{ as_text('source.dqt_age_range_to') }} as dqt_age_range_to,
        source.deleted_on is not null as is_deleted,
        {{ infinite_count([
            'source.created_on',
            'source.updated_on',
            'source.deleted_on',
            'source.start_date',
            'source.end_date',
            'source.holds_from',
            'source.training_start_date',
            'source.training_end_date'
        ]) }} as infinite_value_count,
        {{ original_dates([
            'source.created_on',
            'source.updated_on',
            'source.deleted_on',
            'source.start_date',
            'source.end_date',
            'source.holds_from',
            'source.training_start_date',
            'source.training_end_date'
        ]) }} as dates_out_of_range
    from source
    left join qualification_type_labels
        on qualification_type_labels.code = {{ as_text('source.qualification_type') }}
    left join mandatory_qualification_specialism_labels
        on mandatory_qualification_specialism_labels.code = {{ as_text('source.mq_specialism') }}
    left join mandatory_qualification_status_labels
        on mandatory_qualification_status_labels.code = {{ as_text('source.mq_status') }}
    left join route_to_professional_status_status_labels
        on route_to_professional_status_status_labels.code = {{ as_text('source.status') }}
    left join training_age_specialism_type_labels
        on training_age_specialism_type_labels.code = {{ as_text('source.training_age_specialism_type') }}

)

select * from final
