with

counted as (

    select
        statistics_year,
        induction_status_label,
        person_count as people
    from {{ ref('fct_inductions_by_year') }}
    where year_type = 'academic' and year_source = 'completed date' and statistics_year != 'unknown'

),

years as (

    select distinct statistics_year from counted

),

status_items as (

    select distinct induction_status_label from counted
    union all
    select 'Total' as induction_status_label

),

-- Every combination has a row, also of nobody: a count is only safe in a table that is whole.
cells as (

    select
        years.statistics_year,
        status_items.induction_status_label,
        coalesce(sum(counted.people), 0) as people
    from years
    cross join status_items
    left join counted
        on
            years.statistics_year = counted.statistics_year
            and status_items.induction_status_label in ('Total', counted.induction_status_label)
    group by years.statistics_year, status_items.induction_status_label

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        'Academic year' as time_identifier,
        'National' as geographic_level,
        'E92000001' as country_code,
        'England' as country_name,
        induction_status_label as induction_status,
        replace(statistics_year, '/', '') as time_period,
        {{ as_text('cast(people as ' ~ dbt.type_bigint() ~ ')') }} as teacher_count
    from cells

)

select * from final
