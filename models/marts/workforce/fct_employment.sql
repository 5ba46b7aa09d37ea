with

employments as (

    select
        tps_employments.*,
        -- An end date that is no day still says that the employment has ended.
        tps_employments.end_date is not null or coalesce(tps_employments.has_infinite_end_date, false) as has_end_date
    from {{ ref('stg_trs__tps_employments') }} as tps_employments

),

establishments as (

    select * from {{ ref('dim_establishment') }}

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

coverage as (

    select * from {{ ref('int_employment__coverage') }}

),

stale_limit as (

    select cast({{ dbt.dateadd('month', -5, 'newest_extract_date') }} as date) as oldest_last_known_date
    from coverage

),

judged as (

    select
        employments.*,
        coalesce(standings.live_person_id, employments.person_id) as live_person_id,
        standings.is_live,
        standings.is_active,
        standings.is_deceased,
        employments.start_date <= {{ as_at_date() }}
        and (not employments.has_end_date or coalesce(employments.end_date >= {{ as_at_date() }}, false)) as is_current,
        coalesce(
            not employments.has_end_date
            and employments.last_known_tps_employed_date < stale_limit.oldest_last_known_date,
            false
        ) as is_stale,
        count(*) over (partition by employments.employment_key) > 1 as has_duplicate_key
    from employments
    cross join stale_limit
    left join standings
        on employments.person_id = standings.person_id

),

ranked as (

    select
        judged.*,
        row_number() over (
            partition by judged.person_id
            order by
                case when judged.is_current then 0 else 1 end asc nulls last,
                judged.last_known_tps_employed_date desc nulls last,
                judged.start_date desc nulls last,
                judged.tps_employment_id asc nulls last
        ) as place_for_person,
        row_number() over (
            partition by judged.employment_key
            order by
                judged.last_extract_date desc nulls last,
                judged.last_known_tps_employed_date desc nulls last,
                judged.tps_employment_id asc nulls last
        ) as place_for_key,
        row_number() over (
            partition by judged.live_person_id
            order by
                case when judged.is_current then 0 else 1 end asc nulls last,
                judged.last_known_tps_employed_date desc nulls last,
                judged.start_date desc nulls last,
                judged.tps_employment_id asc nulls last
        ) as place_for_live_person
    from judged

),

final as (

    select
        ranked.tps_employment_id,
        ranked.person_id,
        ranked.live_person_id,
        ranked.is_live,
        ranked.is_active,
        ranked.is_deceased,
        ranked.establishment_id,
        establishments.urn,
        establishments.la_code,
        establishments.establishment_number,
        establishments.is_state_funded_school,
        ranked.start_date,
        ranked.end_date,
        ranked.last_known_tps_employed_date as last_known_employed_date,
        -- As the job of TRS that is run by hand ends stale employments. One that ended on no day ended then, too.
        case
            when ranked.is_stale or ranked.has_end_date
                then coalesce(ranked.end_date, ranked.last_known_tps_employed_date, ranked.start_date)
        end as service_end_date,
        ranked.last_extract_date,
        ranked.dates_out_of_range,
        ranked.employment_type,
        ranked.employment_type_label,
        ranked.is_current,
        ranked.is_stale,
        ranked.withdrawal_confirmed,
        ranked.employment_key,
        ranked.has_duplicate_key,
        ranked.place_for_key = 1 as is_counted_for_key,
        coalesce(ranked.end_date < ranked.start_date, false) as ends_before_start,
        ranked.place_for_person = 1 as is_latest_for_person,
        ranked.place_for_live_person = 1 as is_latest_for_live_person,
        {{ london_date('ranked.created_on') }} as record_created_date,
        {{ london_date('ranked.updated_on') }} as record_updated_date,
        ranked.created_on,
        ranked.updated_on
    from ranked
    left join establishments
        on ranked.establishment_id = establishments.establishment_id

)

select * from final
