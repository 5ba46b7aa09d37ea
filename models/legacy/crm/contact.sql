with

persons as (

    select * from {{ ref('stg_trs__persons') }}

),

people as (

    select
        person_id,
        qts_date,
        eyts_date,
        qtls_date,
        qtls_status
    from {{ ref('dim_person') }}

),

people_with_open_alerts as (

    select distinct person_id
    from {{ ref('fct_alert') }}
    where is_open

),

genders as (

    {{ legacy_codes('gender') }}

),

induction_statuses as (

    {{ legacy_codes('induction status') }}

),

commit_times as (

    {{ commit_times_of('persons') }}

),

final as (

    select
        persons.person_id as id,
        persons.status as statecode,
        persons.status + 1 as statuscode,
        persons.merged_with_person_id as masterid,
        {{ old_bit('persons.merged_with_person_id is not null') }} as merged,
        persons.trn as dfeta_trn,
        persons.first_name as firstname,
        persons.middle_name as middlename,
        persons.last_name as lastname,
        {{ whole_name('persons') }} as fullname,
        {{ old_midnight('persons.date_of_birth') }} as birthdate,
        {{ legacy_code('persons.gender', 'genders') }} as gendercode,
        persons.email_address as emailaddress1,
        persons.national_insurance_number as dfeta_ninumber,
        {{ old_midnight('persons.date_of_death') }} as dfeta_dateofdeath,
        {{ old_midnight('people.qts_date') }} as dfeta_qtsdate,
        {{ old_midnight('people.eyts_date') }} as dfeta_eytsdate,
        {{ old_midnight('people.qtls_date') }} as dfeta_qtlsdate,
        {{ old_bit('people.qtls_status > 0') }} as dfeta_qtlsdatehasbeenset,
        {{ legacy_code('persons.induction_status', 'induction_statuses') }} as dfeta_inductionstatus,
        {{ old_bit('people_with_open_alerts.person_id is not null') }} as dfeta_activesanctions,
        {{ legacy_request_id('persons') }} as dfeta_trnrequestid,
        {{ old_bit('persons.allow_details_updates_from_source_application') }} as dfeta_allowpiiupdatesfromregister,
        {{ old_datetime('persons.created_on') }} as createdon,
        {{ old_datetime('persons.updated_on') }} as modifiedon,
        {{ legacy_times('contact') }}
    from persons
    inner join people
        on persons.person_id = people.person_id
    left join people_with_open_alerts
        on persons.person_id = people_with_open_alerts.person_id
    left join genders
        on genders.trs_value = {{ as_text('persons.gender') }}
    left join induction_statuses
        on induction_statuses.trs_value = {{ as_text('persons.induction_status') }}
    left join commit_times
        on persons.person_id = commit_times.replica_key

)

select * from final
