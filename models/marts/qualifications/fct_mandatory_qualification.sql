with

qualifications as (

    select * from {{ ref('stg_trs__qualifications') }}
    where qualification_type = 0 and not is_deleted

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

providers as (

    select * from {{ ref('stg_trs__mandatory_qualification_providers') }}

),

final as (

    select
        qualifications.qualification_id,
        qualifications.person_id,
        qualifications.mq_provider_id,
        providers.name as mq_provider_name,
        qualifications.mq_specialism,
        qualifications.mq_specialism_label,
        qualifications.mq_status,
        qualifications.mq_status_label,
        qualifications.start_date,
        qualifications.end_date,
        qualifications.dates_out_of_range,
        standings.is_live,
        standings.is_active,
        standings.is_deceased,
        coalesce(standings.live_person_id, qualifications.person_id) as live_person_id,
        -- The earlier system had a date and no status for one that was passed. One that is no day is a date, too.
        coalesce(
            qualifications.mq_status = 1,
            qualifications.dqt_qualification_id is not null
            and (qualifications.end_date is not null or coalesce(qualifications.has_infinite_end_date, false))
        ) as is_passed,
        coalesce(qualifications.end_date < qualifications.start_date, false) as ends_before_start,
        qualifications.dqt_qualification_id is not null as is_migrated
    from qualifications
    left join standings
        on qualifications.person_id = standings.person_id
    left join providers
        on qualifications.mq_provider_id = providers.mandatory_qualification_provider_id

)

select * from final
