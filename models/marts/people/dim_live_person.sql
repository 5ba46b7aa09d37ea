with

records as (

    select * from {{ ref('dim_person') }}

),

awards as (

    select * from {{ ref('fct_professional_status_award') }}

),

inductions as (

    select * from {{ ref('fct_induction') }}

),

alerts as (

    select * from {{ ref('fct_alert') }}
    where is_open

),

previous_last_names as (

    select * from {{ ref('int_person__previous_last_names') }}

),

over_records as (

    select
        live_person_id,
        cast(count(*) - 1 as {{ dbt.type_int() }}) as merged_record_count,
        {{ listed_text('case when is_merged then trn end') }} as merged_trns,
        cast(sum(previous_name_count) as {{ dbt.type_int() }}) as previous_name_count,
        max(case when is_deceased then 1 else 0 end) = 1 as is_deceased_on_any_record,
        max(qtls_status) as qtls_status,
        min(qtls_date) as qtls_date,
        max(case when holds_professional_status then 1 else 0 end) = 1 as holds_professional_status,
        max(case when has_ever_held_professional_status then 1 else 0 end) = 1 as has_ever_held_professional_status
    from records
    group by live_person_id

),

qtls_status_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'QtlsStatus'

),

over_awards as (

    select
        live_person_id,
        min(case when professional_status = 'QTS' then awarded_date end) as qts_date,
        min(case when professional_status = 'QTS' then route_type_name end) as qts_route_type,
        min(case when professional_status = 'QTS' then award_group end) as qts_award_group,
        max(case when professional_status = 'QTS' then 1 else 0 end) = 1 as has_qts,
        min(case when professional_status = 'EYTS' then awarded_date end) as eyts_date,
        min(case when professional_status = 'PQTS' then awarded_date end) as pqts_date,
        max(case when professional_status = 'EYPS' then 1 else 0 end) = 1 as has_eyps
    from awards
    group by live_person_id

),

-- The order in which TRS lets one induction status outrank another; an unknown one comes before none, and is seen.
ranked_inductions as (

    select
        inductions.*,
        row_number() over (
            partition by inductions.live_person_id
            order by
                case inductions.induction_status
                    when 5 then 1
                    when 4 then 2
                    when 2 then 3
                    when 3 then 4
                    when 6 then 5
                    when 1 then 6
                    when 0 then 8
                    else 7
                end nulls last,
                case when inductions.person_id = inductions.live_person_id then 0 else 1 end nulls last,
                inductions.person_id nulls last
        ) as place
    from inductions

),

over_inductions as (

    select * from ranked_inductions
    where place = 1

),

open_categories as (

    select
        live_person_id,
        alert_category_name,
        alert_group,
        is_internal_only,
        count(*) as alert_count,
        max(case when is_prohibition_in_legacy_api then 1 else 0 end) as prohibition_in_legacy_api
    from alerts
    group by live_person_id, alert_category_name, alert_group, is_internal_only

),

over_alerts as (

    select
        live_person_id,
        cast(sum(case when is_internal_only then 0 else alert_count end) as {{ dbt.type_int() }}) as open_alert_count,
        cast(sum(case when is_internal_only then alert_count else 0 end) as {{ dbt.type_int() }})
            as open_internal_alert_count,
        {{ listed_text('case when not is_internal_only then alert_category_name end') }} as open_alert_categories,
        {{ open_alert_of('prohibition') }} as has_open_prohibition,
        {{ open_alert_of('restriction') }} as has_open_restriction,
        {{ open_alert_of('section 128') }} as has_open_section_128,
        {{ open_alert_of('failed induction') }} as has_open_failed_induction,
        max(case when not is_internal_only then prohibition_in_legacy_api else 0 end) = 1
            as has_open_prohibition_in_legacy_api
    from open_categories
    group by live_person_id

),

final as (

    select
        records.person_id as live_person_id,
        records.trn,
        records.first_name,
        records.middle_name,
        records.last_name,
        previous_last_names.previous_last_names,
        over_records.previous_name_count,
        records.date_of_birth,
        records.gender_label,
        records.email_address,
        records.national_insurance_number,
        records.has_valid_national_insurance_number,
        records.date_of_death,
        records.dates_out_of_range,
        over_records.is_deceased_on_any_record as is_deceased,
        over_records.merged_record_count,
        over_records.merged_trns,
        over_awards.qts_date,
        over_awards.qts_route_type,
        over_awards.qts_award_group,
        over_awards.eyts_date,
        over_awards.pqts_date,
        over_records.qtls_status,
        {{ label_of('over_records.qtls_status', 'qtls_status_labels') }} as qtls_status_label,
        over_records.qtls_date,
        over_records.holds_professional_status,
        over_records.has_ever_held_professional_status,
        records.qts_date as qts_date_on_live_record,
        over_inductions.induction_status,
        over_inductions.induction_status_label,
        over_inductions.induction_start_date,
        over_inductions.induction_completed_date,
        over_inductions.person_id as induction_person_id,
        records.induction_status_label as induction_status_label_on_live_record,
        over_alerts.open_alert_categories,
        coalesce(over_awards.has_qts, false) as has_qts,
        coalesce(over_awards.has_eyps, false) as has_eyps,
        not {{ same('over_awards.qts_date', 'records.qts_date') }} as has_other_qts_than_live_record,
        coalesce(over_alerts.open_alert_count, 0) > 0 as has_open_alert,
        coalesce(over_alerts.open_alert_count, 0) as open_alert_count,
        coalesce(over_alerts.open_internal_alert_count, 0) as open_internal_alert_count,
        case when over_alerts.live_person_id is null then false else over_alerts.has_open_prohibition end
            as has_open_prohibition,
        case when over_alerts.live_person_id is null then false else over_alerts.has_open_restriction end
            as has_open_restriction,
        case when over_alerts.live_person_id is null then false else over_alerts.has_open_section_128 end
            as has_open_section_128,
        case when over_alerts.live_person_id is null then false else over_alerts.has_open_failed_induction end
            as has_open_failed_induction,
        coalesce(over_alerts.has_open_prohibition_in_legacy_api, false) as has_open_prohibition_in_legacy_api
    from records
    inner join over_records
        on records.person_id = over_records.live_person_id
    left join qtls_status_labels
        on qtls_status_labels.code = {{ as_text('over_records.qtls_status') }}
    left join over_awards
        on records.person_id = over_awards.live_person_id
    left join over_inductions
        on records.person_id = over_inductions.live_person_id
    left join over_alerts
        on records.person_id = over_alerts.live_person_id
    left join previous_last_names
        on records.person_id = previous_last_names.live_person_id
    where records.is_live

)

select * from final
