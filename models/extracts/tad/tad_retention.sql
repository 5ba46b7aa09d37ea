with

cohorts as (

    select * from {{ ref('fct_retention_by_cohort') }}
    where entrant_count is not null and years_since_qualifying >= 0

),

status_items as (

    select 'In service' as service_status
    union all
    select 'Not in service' as service_status
    union all
    select 'Total' as service_status

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        'Academic year' as time_identifier,
        'National' as geographic_level,
        'E92000001' as country_code,
        'England' as country_name,
        status_items.service_status,
        {{ as_text('cohorts.years_since_qualifying') }} as years_since_qualifying,
        replace(cohorts.cohort_year, '/', '') as time_period,
        {{
            as_text(
                "case status_items.service_status"
                ~ " when 'In service' then cohorts.entrant_in_service_count"
                ~ " when 'Not in service' then cohorts.entrant_count - cohorts.entrant_in_service_count"
                ~ " else cohorts.entrant_count end"
            )
        }} as teacher_count,
        -- The share is made while the file is written, of the counts that are published: it says no more than they do.
        {{ as_text("'z'") }} as teacher_percent
    from cohorts
    cross join status_items

)

select * from final
