with

persons as (

    select * from {{ ref('dim_person') }}

),

inductions as (

    select * from {{ ref('fct_induction') }}

),

qts_awards as (

    select * from {{ ref('fct_professional_status') }}
    where professional_status = 'QTS'

),

latest_employments as (

    select * from {{ ref('fct_employment') }}
    where is_latest_for_person

),

-- Over all records of a person: no row of somebody who is prohibited says otherwise.
open_alerts as (

    select
        live_person_id,
        alert_category_name,
        alert_group,
        is_internal_only,
        cast(count(*) as {{ dbt.type_int() }}) as alert_count
    from {{ ref('fct_alert') }}
    where is_open and not is_internal_only
    group by live_person_id, alert_category_name, alert_group, is_internal_only

),

alerts_of_person as (

    select
        live_person_id,
        cast(sum(alert_count) as {{ dbt.type_int() }}) as open_alert_count,
        {{ open_alert_of('prohibition') }} as has_open_prohibition,
        {{ listed_text('alert_category_name') }} as open_alert_categories
    from open_alerts
    group by live_person_id

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        persons.person_id,
        persons.trn,
        persons.live_person_id,
        persons.live_trn,
        persons.merged_with_person_id,
        persons.person_status_label,
        persons.is_active,
        persons.is_merged,
        persons.is_live,
        persons.person_origin,
        {{ deliverable_date('persons.record_created_date') }} as record_created_date,
        {{ deliverable_date('persons.record_updated_date') }} as record_updated_date,
        persons.gender_label,
        persons.is_deceased,
        {{ deliverable_date('persons.qts_date') }} as qts_date,
        qts_awards.route_type_name as qts_route_type,
        qts_awards.award_group as qts_award_group,
        {{ deliverable_date('persons.eyts_date') }} as eyts_date,
        persons.has_eyps,
        {{ deliverable_date('persons.pqts_date') }} as pqts_date,
        persons.qtls_status_label,
        persons.induction_status_label,
        {{ deliverable_date('persons.induction_start_date') }} as induction_start_date,
        {{ deliverable_date('persons.induction_completed_date') }} as induction_completed_date,
        inductions.induction_exemption_reasons,
        inductions.induction_exemption_reason_count,
        inductions.is_exempt_without_reason,
        alerts_of_person.live_person_id is not null as has_open_alert,
        coalesce(alerts_of_person.open_alert_count, 0) as open_alert_count,
        case when alerts_of_person.live_person_id is null then false else alerts_of_person.has_open_prohibition end
            as has_open_prohibition,
        alerts_of_person.open_alert_categories,
        {{ deliverable_date('latest_employments.start_date') }} as latest_employment_start_date,
        {{ deliverable_date('latest_employments.end_date') }} as latest_employment_end_date,
        {{ deliverable_date('latest_employments.last_known_employed_date') }} as latest_employment_last_known_date,
        latest_employments.employment_type_label as latest_employment_type,
        latest_employments.is_current as latest_employment_is_current,
        latest_employments.urn as latest_establishment_urn,
        latest_employments.la_code as latest_establishment_la_code,
        latest_employments.establishment_number as latest_establishment_number
    from persons
    left join inductions
        on persons.person_id = inductions.person_id
    left join qts_awards
        on persons.person_id = qts_awards.person_id
    left join alerts_of_person
        on persons.live_person_id = alerts_of_person.live_person_id
    left join latest_employments
        on persons.person_id = latest_employments.person_id

)

select * from final
