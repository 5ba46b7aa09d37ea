with

persons as (

    select * from {{ ref('stg_trs__persons') }}

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

-- Read again, and not from `persons`: a server keeps a set that is used twice, here with all its columns.
live_records as (

    select
        person_id,
        trn,
        status
    from {{ ref('stg_trs__persons') }}

),

professional_statuses as (

    select * from {{ ref('int_person__professional_statuses') }}

),

qtls_status_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'QtlsStatus'

),

applications as (

    select
        user_id,
        short_name
    from {{ ref('stg_trs__users') }}

),

previous_names as (

    select
        person_id,
        cast(count(*) as {{ dbt.type_int() }}) as previous_name_count
    from {{ ref('stg_trs__previous_names') }}
    where not is_deleted
    group by person_id

),

described as (

    select
        persons.*,
        {{ normalised_nino('persons.national_insurance_number') }} as normalised_nino,
        coalesce(professional_statuses.has_eyps, false) as held_eyps,
        coalesce(professional_statuses.qtls_status, 0) as held_qtls_status,
        professional_statuses.qts_date as held_qts_date,
        professional_statuses.eyts_date as held_eyts_date,
        professional_statuses.pqts_date as held_pqts_date,
        professional_statuses.qtls_date,
        coalesce(professional_statuses.holds_professional_status, false) as holds_professional_status,
        coalesce(professional_statuses.has_ever_held_professional_status, false) as has_ever_held_professional_status
    from persons
    left join professional_statuses
        on persons.person_id = professional_statuses.person_id

),

final as (

    select
        described.person_id,
        described.trn,
        standings.live_person_id,
        live_records.trn as live_trn,
        live_records.status = 0 as live_person_is_active,
        described.merged_with_person_id,
        standings.merge_chain,
        described.status as person_status,
        described.status_label as person_status_label,
        standings.is_active,
        described.merged_with_person_id is not null as is_merged,
        standings.is_live,
        described.first_name,
        described.middle_name,
        described.last_name,
        coalesce(previous_names.previous_name_count, 0) as previous_name_count,
        described.date_of_birth,
        described.gender,
        described.gender_label,
        described.email_address,
        described.normalised_nino as national_insurance_number,
        {{ is_valid_nino('described.normalised_nino') }} as has_valid_national_insurance_number,
        described.date_of_death,
        standings.is_deceased,
        case
            when described.created_by_tps then 'teachers pensions'
            when described.source_application_user_id is not null then 'trn request'
            when described.dqt_contact_id is not null then 'dqt'
            else 'support console'
        end as person_origin,
        described.created_by_tps,
        described.source_application_user_id,
        applications.short_name as source_application_short_name,
        described.held_qts_date as qts_date,
        described.held_eyts_date as eyts_date,
        described.held_pqts_date as pqts_date,
        described.held_eyps as has_eyps,
        described.held_qtls_status as qtls_status,
        qtls_status_labels.label as qtls_status_label,
        described.qtls_date,
        described.holds_professional_status,
        described.has_ever_held_professional_status,
        {{ same('described.qts_date', 'described.held_qts_date') }}
        and {{ same('described.eyts_date', 'described.held_eyts_date') }}
        and {{ same('described.pqts_date', 'described.held_pqts_date') }}
        and described.has_eyps = described.held_eyps
        and described.qtls_status = described.held_qtls_status as recorded_statuses_agree,
        described.induction_status,
        described.induction_status_label,
        described.induction_start_date,
        described.induction_completed_date,
        described.dates_out_of_range,
        {{ london_date('described.created_on') }} as record_created_date,
        {{ london_date('described.updated_on') }} as record_updated_date
    from described
    inner join standings
        on described.person_id = standings.person_id
    inner join live_records
        on standings.live_person_id = live_records.person_id
    left join qtls_status_labels
        on qtls_status_labels.code = {{ as_text('described.held_qtls_status') }}
    left join applications
        on described.source_application_user_id = applications.user_id
    left join previous_names
        on described.person_id = previous_names.person_id

)

select * from final
