with

alerts as (

    select * from {{ ref('stg_trs__alerts') }}
    where not is_deleted

),

typed as (

    select
        alert_id,
        person_id,
        start_date,
        end_date,
        dqt_sanction_code,
        alert_type_name
    from {{ ref('fct_alert') }}

),

sanction_codes as (

    {{ legacy_lookup('dfeta_sanctioncode') }}

),

commit_times as (

    {{ commit_times_of('alerts') }}

),

final as (

    select
        alerts.alert_id as id,
        typed.person_id as dfeta_personid,
        typed.dqt_sanction_code as dfeta_sanctioncodeid,
        coalesce(sanction_codes.legacy_name, typed.alert_type_name) as dfeta_sanctioncodeidname,
        alerts.details as dfeta_sanctiondetails,
        alerts.external_link as dfeta_detailslink,
        {{ old_midnight('typed.start_date') }} as dfeta_startdate,
        {{ old_midnight('typed.end_date') }} as dfeta_enddate,
        {{ old_datetime('alerts.created_on') }} as createdon,
        {{ old_datetime('alerts.updated_on') }} as modifiedon,
        {{ legacy_state('false') }},
        {{ legacy_times('dfeta_sanction_legacy') }}
    from alerts
    inner join typed
        on alerts.alert_id = typed.alert_id
    left join sanction_codes
        on typed.dqt_sanction_code = sanction_codes.legacy_value
    left join commit_times
        on alerts.alert_id = commit_times.replica_key

)

select * from final
