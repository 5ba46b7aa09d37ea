with

inductions as (

    select * from {{ ref('stg_trs__persons') }}
    where induction_status != 0

),

exemptions as (

    select
        person_id,
        exemption_reason_key
    from {{ ref('fct_induction_exemption') }}

),

induction_statuses as (

    {{ legacy_codes('induction status') }}

),

exemption_reasons as (

    {{ legacy_codes('induction exemption reason') }}

),

-- The old record had room for one reason. One that no old code stands for gives way to one that has a code.
first_reasons as (

    select
        exemptions.person_id,
        coalesce(min(exemption_reasons.legacy_code), {{ unmapped_code() }}) as legacy_code
    from exemptions
    left join exemption_reasons
        on exemptions.exemption_reason_key = exemption_reasons.trs_value
    where exemptions.exemption_reason_key != {{ no_exemption_reason() }}
    group by exemptions.person_id

),

commit_times as (

    {{ commit_times_of('persons') }}

),

final as (

    select
        inductions.person_id as id,
        inductions.person_id as dfeta_personid,
        {{ legacy_code('inductions.induction_status', 'induction_statuses') }} as dfeta_inductionstatus,
        {{ old_midnight('inductions.induction_start_date') }} as dfeta_startdate,
        {{ old_midnight('inductions.induction_completed_date') }} as dfeta_completiondate,
        first_reasons.legacy_code as dfeta_inductionexemptionreason,
        {{ old_datetime('inductions.induction_modified_on') }} as modifiedon,
        {{ legacy_state('false') }},
        {{ legacy_times('dfeta_induction') }}
    from inductions
    left join first_reasons
        on inductions.person_id = first_reasons.person_id
    left join induction_statuses
        on induction_statuses.trs_value = {{ as_text('inductions.induction_status') }}
    left join commit_times
        on inductions.person_id = commit_times.replica_key

)

select * from final
