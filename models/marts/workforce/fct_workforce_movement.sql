with

in_service as (

    select * from {{ ref('fct_service_november') }}
    where is_in_state_funded_school

),

first_service as (

    select
        live_person_id,
        min(spell_start_date) as first_service_date
    from {{ ref('fct_school_service_spell') }}
    group by live_person_id

),

qualified as (

    select
        live_person_id,
        min(qts_date) as earliest_qts_date
    from {{ ref('dim_person') }}
    group by live_person_id

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

snapshot_days as (

    select distinct
        snapshot_date,
        academic_year
    from in_service

),

snapshots as (

    select
        snapshot_date,
        academic_year,
        lag(snapshot_date) over (order by snapshot_date asc nulls last) as previous_snapshot_date,
        lead(snapshot_date) over (order by snapshot_date asc nulls last) as next_snapshot_date,
        lead(academic_year) over (order by snapshot_date asc nulls last) as next_academic_year
    from snapshot_days

),

followed as (

    select
        in_service.live_person_id,
        in_service.establishment_id,
        in_service.snapshot_date,
        snapshots.previous_snapshot_date,
        snapshots.next_snapshot_date,
        snapshots.academic_year,
        snapshots.next_academic_year,
        lag(in_service.snapshot_date)
            over (partition by in_service.live_person_id order by in_service.snapshot_date asc nulls last)
            as last_seen_date,
        lead(in_service.snapshot_date)
            over (partition by in_service.live_person_id order by in_service.snapshot_date asc nulls last)
            as next_seen_date
    from in_service
    inner join snapshots
        on in_service.snapshot_date = snapshots.snapshot_date

),

moved as (

    select
        snapshot_date,
        previous_snapshot_date,
        academic_year,
        live_person_id,
        establishment_id,
        true as is_entrant
    from followed
    where
        previous_snapshot_date is not null
        and coalesce(last_seen_date < previous_snapshot_date, true)
    union all
    select
        next_snapshot_date as snapshot_date,
        snapshot_date as previous_snapshot_date,
        next_academic_year as academic_year,
        live_person_id,
        establishment_id,
        false as is_entrant
    from followed
    where
        next_snapshot_date is not null
        and coalesce(next_seen_date > next_snapshot_date, true)

),

final as (

    select
        moved.snapshot_date,
        moved.previous_snapshot_date,
        moved.academic_year,
        moved.live_person_id,
        coalesce(standings.is_live, false) as is_live,
        coalesce(standings.is_active, false) as is_active,
        coalesce(standings.is_deceased, false) as is_deceased,
        case
            when not moved.is_entrant then 'leaver'
            when first_service.first_service_date <= moved.previous_snapshot_date then 'returner'
            when
                qualified.earliest_qts_date is null or qualified.earliest_qts_date > moved.snapshot_date
                then 'entrant without QTS'
            when
                {{ first_year_of('qualified.earliest_qts_date', 9) }}
                >= {{ first_year_of('moved.previous_snapshot_date', 9) }}
                then 'newly qualified entrant'
            else 'deferred newly qualified entrant'
        end as movement,
        moved.is_entrant,
        moved.establishment_id,
        qualified.earliest_qts_date,
        first_service.first_service_date
    from moved
    left join first_service
        on moved.live_person_id = first_service.live_person_id
    left join qualified
        on moved.live_person_id = qualified.live_person_id
    left join standings
        on moved.live_person_id = standings.person_id

)

select * from final
