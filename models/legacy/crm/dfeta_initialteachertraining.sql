with

routes as (

    select * from {{ ref('stg_trs__qualifications') }}
    where
        qualification_type = 1
        and not is_deleted
        -- A route that came from a registration alone had no training.
        and (dqt_initial_teacher_training_id is not null or dqt_qts_registration_id is null)

),

described as (

    select
        qualification_id,
        training_country_name,
        training_provider_name,
        degree_type_name,
        training_subject_1,
        training_subject_1_reference,
        training_subject_2,
        training_subject_2_reference,
        training_subject_3,
        training_subject_3_reference
    from {{ ref('fct_route') }}

),

programme_types as (

    {{ legacy_codes('itt programme type') }}

),

results as (

    {{ legacy_codes('itt result') }}

),

age_ranges as (

    {{ legacy_codes('age range') }}

),

itt_qualifications as (

    {{ legacy_codes('itt qualification') }}

),

commit_times as (

    {{ commit_times_of('qualifications') }}

),

aged as (

    select
        routes.*,
        {{ legacy_age('routes', 'range_from') }} as age_from,
        {{ legacy_age('routes', 'range_to') }} as age_to
    from routes

),

final as (

    select
        coalesce(aged.dqt_initial_teacher_training_id, aged.qualification_id) as id,
        aged.person_id as dfeta_personid,
        {{ legacy_code('aged.route_to_professional_status_type_id', 'programme_types') }} as dfeta_programmetype,
        {{ legacy_code('aged.status', 'results') }} as dfeta_result,
        {{ old_midnight('aged.training_start_date') }} as dfeta_programmestartdate,
        {{ old_midnight('aged.training_end_date') }} as dfeta_programmeenddate,
        {{ legacy_code('aged.age_from', 'first_ages') }} as dfeta_agerangefrom,
        {{ legacy_code('aged.age_to', 'last_ages') }} as dfeta_agerangeto,
        aged.training_country_id as dfeta_countryid,
        described.training_country_name as dfeta_countryidname,
        aged.training_provider_id as dfeta_establishmentid,
        described.training_provider_name as dfeta_establishmentidname,
        {{ legacy_value('aged.degree_type_id', 'itt_qualifications') }} as dfeta_ittqualificationid,
        described.degree_type_name as dfeta_ittqualificationidname,
        described.training_subject_1_reference as dfeta_subject1id,
        described.training_subject_1 as dfeta_subject1idname,
        described.training_subject_2_reference as dfeta_subject2id,
        described.training_subject_2 as dfeta_subject2idname,
        described.training_subject_3_reference as dfeta_subject3id,
        described.training_subject_3 as dfeta_subject3idname,
        aged.source_application_reference as dfeta_slugid,
        {{ old_datetime('aged.created_on') }} as createdon,
        {{ old_datetime('aged.updated_on') }} as modifiedon,
        {{ legacy_state('false') }},
        {{ legacy_times('dfeta_initialteachertraining') }}
    from aged
    inner join described
        on aged.qualification_id = described.qualification_id
    left join programme_types
        on aged.route_to_professional_status_type_id = programme_types.trs_value
    left join results
        on results.trs_value = {{ as_text('aged.status') }}
    left join age_ranges as first_ages
        on aged.age_from = first_ages.trs_value
    left join age_ranges as last_ages
        on aged.age_to = last_ages.trs_value
    left join itt_qualifications
        on aged.degree_type_id = itt_qualifications.trs_value
    left join commit_times
        on aged.qualification_id = commit_times.replica_key

)

select * from final
