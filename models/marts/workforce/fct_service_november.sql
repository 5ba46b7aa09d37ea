with

employments as (

    select * from {{ ref('fct_employment') }}
    where is_counted_for_key

),

days as (

    select * from {{ ref('dim_date') }}

),

coverage as (

    select * from {{ ref('int_employment__coverage') }}

),

standings as (

    select * from {{ ref('int_person__standing') }}

),

-- The day of the School Workforce Census: the first Thursday of November.
snapshots as (

    select
        days.date_day as snapshot_date,
        days.academic_year
    from days
    inner join coverage
        on
            days.date_day >= coverage.first_extract_date
            and days.date_day <= coverage.newest_extract_date
    where
        days.month_number = 11
        and days.day_of_week = 4
        and {{ part_of('day', 'days.date_day') }} <= 7

),

in_service as (

    select
        snapshots.snapshot_date,
        snapshots.academic_year,
        employments.live_person_id,
        employments.tps_employment_id,
        employments.establishment_id,
        employments.employment_type,
        employments.employment_type_label,
        coalesce(employments.is_state_funded_school, false) as is_in_state_funded_school,
        row_number() over (
            partition by snapshots.snapshot_date, employments.live_person_id
            order by
                case when employments.is_state_funded_school then 0 else 1 end asc nulls last,
                case when employments.employment_type = 0 then 0 else 1 end asc nulls last,
                employments.start_date asc nulls last,
                employments.tps_employment_id asc nulls last
        ) as place,
        count(*) over (partition by snapshots.snapshot_date, employments.live_person_id) as employment_count
    from snapshots
    inner join employments
        on
            snapshots.snapshot_date >= employments.start_date
            and (employments.service_end_date is null or snapshots.snapshot_date <= employments.service_end_date)

),

final as (

    select
        in_service.snapshot_date,
        in_service.academic_year,
        in_service.live_person_id,
        coalesce(standings.is_live, false) as is_live,
        coalesce(standings.is_active, false) as is_active,
        coalesce(standings.is_deceased, false) as is_deceased,
        in_service.tps_employment_id as main_tps_employment_id,
        in_service.establishment_id,
        in_service.employment_type,
        in_service.employment_type_label,
        in_service.is_in_state_funded_school,
        cast(in_service.employment_count as {{ dbt.type_int() }}) as employment_count
    from in_service
    left join standings
        on in_service.live_person_id = standings.person_id
    where in_service.place = 1

)

select * from final
