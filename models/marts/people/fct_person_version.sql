with

versions as (

    select * from {{ ref('int_person__versions') }}

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

version_events as (

    select * from {{ ref('int_person__version_events') }}

),

events as (

    select * from {{ ref('fct_event') }}

),

labels as (

    select
        enum_name,
        code,
        label
    from {{ ref('trs_enums') }}

),

final as (

    select
        versions.person_id,
        cast(
            row_number() over (partition by versions.person_id order by versions.known_from asc nulls last)
            as {{ dbt.type_int() }}
        ) as version_number,
        coalesce(standings.live_person_id, versions.person_id) as live_person_id,
        standings.is_live,
        standings.is_active,
        standings.is_deceased,
        versions.known_from,
        versions.known_to,
        versions.known_to is null as is_present_version,
        versions.version_origin,
        versions.changed_facts,
        versions.record_changed_at,
        version_events.event_id,
        version_events.event_number,
        events.event_name,
        case
            when version_events.event_id is null then 'unknown'
            when versions.version_origin = 'first copy' then 'event before the first copy'
            else 'event'
        end as change_source,
        coalesce(events.raised_by_kind, 'unknown') as raised_by_kind,
        events.raised_by_user_id,
        events.raised_by_dqt_user_id,
        events.event_reason,
        coalesce(events.event_reason_source, 'unknown') as event_reason_source,
        versions.trn,
        versions.person_status,
        {{ label_of('versions.person_status', 'status_labels') }} as person_status_label,
        versions.merged_with_person_id,
        versions.first_name,
        versions.middle_name,
        versions.last_name,
        versions.date_of_birth,
        versions.gender,
        {{ label_of('versions.gender', 'gender_labels') }} as gender_label,
        versions.email_address,
        versions.national_insurance_number,
        versions.date_of_death,
        versions.induction_status,
        {{ label_of('versions.induction_status', 'induction_labels') }} as induction_status_label,
        versions.induction_start_date,
        versions.induction_completed_date,
        versions.recorded_qts_date,
        versions.recorded_eyts_date,
        versions.recorded_pqts_date,
        versions.has_recorded_eyps,
        versions.recorded_qtls_status,
        {{ label_of('versions.recorded_qtls_status', 'qtls_labels') }} as recorded_qtls_status_label,
        versions.dates_out_of_range
    from versions
    left join standings
        on versions.person_id = standings.person_id
    left join version_events
        on
            versions.person_id = version_events.person_id
            and versions.known_from = version_events.known_from
    left join events
        on
            version_events.event_id = events.event_id
            and version_events.event_number = events.event_number
    left join labels as status_labels
        on
            status_labels.enum_name = 'PersonStatus'
            and status_labels.code = {{ as_text('versions.person_status') }}
    left join labels as gender_labels
        on
            gender_labels.enum_name = 'Gender'
            and gender_labels.code = {{ as_text('versions.gender') }}
    left join labels as induction_labels
        on
            induction_labels.enum_name = 'InductionStatus'
            and induction_labels.code = {{ as_text('versions.induction_status') }}
    left join labels as qtls_labels
        on
            qtls_labels.enum_name = 'QtlsStatus'
            and qtls_labels.code = {{ as_text('versions.recorded_qtls_status') }}

)

select * from final
