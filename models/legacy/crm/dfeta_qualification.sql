with

qualifications as (

    select * from {{ ref('stg_trs__qualifications') }}
    where qualification_type = 0 and not is_deleted

),

providers as (

    select
        mandatory_qualification_provider_id,
        name
    from {{ ref('stg_trs__mandatory_qualification_providers') }}

),

establishment_codes as (

    {{ legacy_codes('mq establishment') }}

),

establishments as (

    {{ legacy_lookup('dfeta_mqestablishment') }}

),

specialism_codes as (

    {{ legacy_codes('mq specialism') }}

),

specialisms as (

    {{ legacy_lookup('dfeta_specialism') }}

),

statuses as (

    {{ legacy_codes('mq status') }}

),

commit_times as (

    {{ commit_times_of('qualifications') }}

),

-- One that was migrated keeps the codes that DQT gave it; a later one gets those that its provider and specialism
-- came from.
coded as (

    select
        qualifications.*,
        providers.name as provider_name,
        coalesce(
            qualifications.dqt_mq_establishment_value,
            {{ legacy_value('qualifications.mq_provider_id', 'establishment_codes') }}
        ) as establishment_value,
        coalesce(
            qualifications.dqt_specialism_value,
            {{ legacy_value('qualifications.mq_specialism', 'specialism_codes') }}
        ) as specialism_value
    from qualifications
    left join providers
        on qualifications.mq_provider_id = providers.mandatory_qualification_provider_id
    left join establishment_codes
        on qualifications.mq_provider_id = establishment_codes.trs_value
    left join specialism_codes
        on specialism_codes.trs_value = {{ as_text('qualifications.mq_specialism') }}

),

final as (

    select
        coded.qualification_id as id,
        coded.person_id as dfeta_personid,
        389040002 as dfeta_type,
        coded.establishment_value as dfeta_mq_mqestablishmentid,
        coalesce(establishments.legacy_name, coded.provider_name) as dfeta_mq_mqestablishmentidname,
        coded.specialism_value as dfeta_mq_specialismid,
        coalesce(specialisms.legacy_name, coded.specialism_value) as dfeta_mq_specialismidname,
        {{ legacy_code('coded.mq_status', 'statuses') }} as dfeta_mq_status,
        {{ old_midnight('coded.start_date') }} as dfeta_mqstartdate,
        {{ old_midnight('coded.end_date') }} as dfeta_mq_date,
        {{ old_datetime('coded.created_on') }} as createdon,
        {{ old_datetime('coded.updated_on') }} as modifiedon,
        {{ legacy_state('false') }},
        {{ legacy_times('dfeta_qualification') }}
    from coded
    left join establishments
        on coded.establishment_value = establishments.legacy_value
    left join specialisms
        on coded.specialism_value = specialisms.legacy_value
    left join statuses
        on statuses.trs_value = {{ as_text('coded.mq_status') }}
    left join commit_times
        on coded.qualification_id = commit_times.replica_key

)

select * from final
