with

persons as (

    select * from {{ ref('dim_person') }}

),

teachers as (

    select * from persons
    where is_live and has_ever_held_professional_status

),

inductions as (

    select * from {{ ref('fct_induction') }}

),

qts_awards as (

    select * from {{ ref('fct_professional_status') }}
    where professional_status = 'QTS'

),

routes as (

    select * from {{ ref('fct_route') }}

),

latest_employments as (

    select * from {{ ref('fct_employment') }}
    where is_latest_for_live_person

),

over_all_records as (

    select * from {{ ref('dim_live_person') }}

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        teachers.trn,
        teachers.first_name,
        teachers.middle_name,
        teachers.last_name,
        over_all_records.previous_last_names,
        {{ deliverable_date('teachers.date_of_birth') }} as date_of_birth,
        teachers.national_insurance_number,
        teachers.has_valid_national_insurance_number,
        teachers.gender_label,
        teachers.is_deceased,
        teachers.holds_professional_status,
        {{ deliverable_date('teachers.qts_date') }} as qts_date,
        qts_awards.route_type_name as qts_route_type,
        qts_awards.award_group as qts_award_group,
        routes.training_provider_ukprn as qts_provider_ukprn,
        routes.training_provider_name as qts_provider_name,
        routes.training_subject_1 as qts_subject_1,
        routes.training_subject_1_reference as qts_subject_1_reference,
        routes.training_subject_2 as qts_subject_2,
        routes.training_subject_2_reference as qts_subject_2_reference,
        routes.training_subject_3 as qts_subject_3,
        routes.training_subject_3_reference as qts_subject_3_reference,
        routes.training_country_name as qts_training_country,
        {{ deliverable_date('routes.training_start_date') }} as qts_training_start_date,
        {{ deliverable_date('routes.training_end_date') }} as qts_training_end_date,
        routes.degree_type_name as qts_degree_type,
        {{ deliverable_date('teachers.eyts_date') }} as eyts_date,
        teachers.has_eyps,
        {{ deliverable_date('teachers.pqts_date') }} as pqts_date,
        teachers.qtls_status_label,
        {{ deliverable_date('teachers.qtls_date') }} as qtls_date,
        teachers.induction_status_label,
        {{ deliverable_date('teachers.induction_start_date') }} as induction_start_date,
        {{ deliverable_date('teachers.induction_completed_date') }} as induction_completed_date,
        inductions.induction_exemption_reasons,
        inductions.induction_exemption_reason_count,
        over_all_records.has_open_prohibition,
        over_all_records.has_open_restriction,
        over_all_records.has_open_section_128,
        over_all_records.has_open_failed_induction,
        {{ deliverable_date('latest_employments.start_date') }} as latest_employment_start_date,
        {{ deliverable_date('latest_employments.end_date') }} as latest_employment_end_date,
        {{ deliverable_date('latest_employments.last_known_employed_date') }} as latest_employment_last_known_date,
        latest_employments.employment_type_label as latest_employment_type,
        latest_employments.is_current as latest_employment_is_current,
        latest_employments.urn as latest_establishment_urn,
        latest_employments.la_code as latest_establishment_la_code,
        latest_employments.establishment_number as latest_establishment_number
    from teachers
    left join inductions
        on teachers.person_id = inductions.person_id
    left join qts_awards
        on teachers.person_id = qts_awards.person_id
    left join routes
        on qts_awards.awarding_qualification_id = routes.qualification_id
    left join over_all_records
        on teachers.person_id = over_all_records.live_person_id
    left join latest_employments
        on teachers.person_id = latest_employments.live_person_id

)

select * from final
