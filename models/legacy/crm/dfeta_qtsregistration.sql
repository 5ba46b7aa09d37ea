with

routes as (

    select
        *,
        coalesce(dqt_qts_registration_id, qualification_id) as registration_id
    from {{ ref('stg_trs__qualifications') }}
    where qualification_type = 1 and not is_deleted

),

held as (

    select
        qualification_id,
        professional_status,
        is_held
    from {{ ref('fct_route') }}

),

teacher_status_codes as (

    {{ legacy_codes('teacher status') }}

),

early_years_status_codes as (

    {{ legacy_codes('early years status') }}

),

teacher_statuses as (

    {{ legacy_lookup('dfeta_teacherstatus') }}

),

early_years_statuses as (

    {{ legacy_lookup('dfeta_earlyyearsstatus') }}

),

commit_times as (

    {{ commit_times_of('qualifications') }}

),

-- A route that was migrated keeps the status that DQT gave it; a later one gets that which its route type came from.
coded as (

    select
        routes.registration_id,
        routes.person_id,
        routes.created_on,
        routes.updated_on,
        commit_times.first_committed_at,
        commit_times.last_committed_at,
        routes.dqt_teacher_status_name,
        routes.dqt_early_years_status_name,
        case when held.is_held and held.professional_status = 'QTS' then routes.holds_from end as qts_date,
        case when held.is_held and held.professional_status = 'EYTS' then routes.holds_from end as eyts_date,
        case when held.is_held and held.professional_status = 'PQTS' then routes.holds_from end as recognition_date,
        case
            when routes.dqt_teacher_status_value is not null then routes.dqt_teacher_status_value
            when routes.dqt_early_years_status_value is not null or not held.is_held then null
            when early_years_status_codes.trs_value is null
                then {{ legacy_value('routes.route_to_professional_status_type_id', 'teacher_status_codes') }}
        end as teacher_status_value,
        case
            when routes.dqt_early_years_status_value is not null then routes.dqt_early_years_status_value
            when routes.dqt_teacher_status_value is null and held.is_held then early_years_status_codes.legacy_value
        end as early_years_status_value
    from routes
    inner join held
        on routes.qualification_id = held.qualification_id
    left join teacher_status_codes
        on routes.route_to_professional_status_type_id = teacher_status_codes.trs_value
    left join early_years_status_codes
        on routes.route_to_professional_status_type_id = early_years_status_codes.trs_value
    left join commit_times
        on routes.qualification_id = commit_times.replica_key
    where held.is_held or routes.dqt_qts_registration_id is not null

),

registrations as (

    select
        registration_id,
        person_id,
        max(teacher_status_value) as teacher_status_value,
        max(dqt_teacher_status_name) as teacher_status_name,
        max(early_years_status_value) as early_years_status_value,
        max(dqt_early_years_status_name) as early_years_status_name,
        min(qts_date) as qts_date,
        min(eyts_date) as eyts_date,
        min(recognition_date) as recognition_date,
        min(created_on) as created_on,
        max(updated_on) as updated_on,
        min(first_committed_at) as first_committed_at,
        max(last_committed_at) as last_committed_at
    from coded
    group by registration_id, person_id

),

final as (

    select
        registrations.registration_id as id,
        registrations.person_id as dfeta_personid,
        registrations.teacher_status_value as dfeta_teacherstatusid,
        coalesce(registrations.teacher_status_name, teacher_statuses.legacy_name) as dfeta_teacherstatusidname,
        registrations.early_years_status_value as dfeta_earlyyearsstatusid,
        coalesce(
            registrations.early_years_status_name, early_years_statuses.legacy_name
        ) as dfeta_earlyyearsstatusidname,
        {{ old_midnight('registrations.qts_date') }} as dfeta_qtsdate,
        {{ old_midnight('registrations.eyts_date') }} as dfeta_eytsdate,
        {{ old_midnight('registrations.recognition_date') }} as dfeta_dateofrecognition,
        {{ old_datetime('registrations.created_on') }} as createdon,
        {{ old_datetime('registrations.updated_on') }} as modifiedon,
        {{ legacy_state('false') }},
        {{ legacy_times('dfeta_qtsregistration', 'registrations') }}
    from registrations
    left join teacher_statuses
        on registrations.teacher_status_value = teacher_statuses.legacy_value
    left join early_years_statuses
        on registrations.early_years_status_value = early_years_statuses.legacy_value

)

select * from final
