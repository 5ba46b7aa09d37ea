with

-- An award without a date, or dated after the newest November, is in no row: no snapshot follows it.
awards as (

    select
        live_person_id,
        {{ academic_year('awarded_date') }} as cohort_year,
        {{ first_year_of('awarded_date', 9) }} as first_year
    from {{ ref('int_award__first') }}
    where professional_status = 'QTS'

),

service as (

    select
        live_person_id,
        snapshot_date,
        {{ first_year_of('snapshot_date', 9) }} as first_year
    from {{ ref('fct_service_november') }}
    where is_in_state_funded_school

),

snapshots as (

    select distinct
        snapshot_date,
        first_year
    from service

),

cohorts as (

    select
        cohort_year,
        first_year,
        count(*) as qualified
    from awards
    group by cohort_year, first_year

),

-- Year 0 is the November after the academic year in which somebody qualified.
served as (

    select
        awards.live_person_id,
        awards.cohort_year,
        service.snapshot_date,
        service.first_year - awards.first_year - 1 as years_after,
        min(service.first_year - awards.first_year - 1) over (partition by awards.live_person_id) as first_years_after
    from awards
    inner join service
        on awards.live_person_id = service.live_person_id
    where service.first_year > awards.first_year

),

counted as (

    select
        cohort_year,
        snapshot_date,
        count(*) as in_service,
        sum(case when first_years_after = 0 then 1 else 0 end) as entered_in_service
    from served
    group by cohort_year, snapshot_date

),

entered as (

    select
        cohort_year,
        count(*) as entrants
    from served
    where years_after = 0
    group by cohort_year

),

first_snapshot as (

    select min(first_year) as first_year
    from snapshots

),

final as (

    select
        cohorts.cohort_year,
        snapshots.snapshot_date,
        snapshots.first_year - cohorts.first_year - 1 as years_since_qualifying,
        cast(cohorts.qualified as {{ dbt.type_bigint() }}) as qualified_count,
        -- Null where no November was observed so early: nobody knows who entered.
        case
            when cohorts.first_year + 1 >= first_snapshot.first_year
                then cast(coalesce(entered.entrants, 0) as {{ dbt.type_bigint() }})
        end as entrant_count,
        case
            when cohorts.first_year + 1 >= first_snapshot.first_year
                then cast(coalesce(counted.entered_in_service, 0) as {{ dbt.type_bigint() }})
        end as entrant_in_service_count,
        cast(coalesce(counted.in_service, 0) as {{ dbt.type_bigint() }}) as in_service_count
    from cohorts
    inner join snapshots
        on cohorts.first_year < snapshots.first_year
    cross join first_snapshot
    left join counted
        on
            cohorts.cohort_year = counted.cohort_year
            and snapshots.snapshot_date = counted.snapshot_date
    left join entered
        on cohorts.cohort_year = entered.cohort_year

)

select * from final
