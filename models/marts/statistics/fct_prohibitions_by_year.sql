with

alerts as (

    select * from {{ ref('fct_alert') }}

),

year_types as (

    select 'academic' as year_type
    union all
    select 'financial' as year_type

),

-- Two lists that are not the same: a prohibition by the category of its type, and one by the codes of the old API. A
-- category that is in no group yet may be one, too.
counted_by as (

    select
        alerts.*,
        'category' as prohibition_basis
    from alerts
    where alerts.alert_group = 'prohibition'
    union all
    select
        alerts.*,
        'legacy API codes' as prohibition_basis
    from alerts
    where alerts.is_prohibition_in_legacy_api
    union all
    select
        alerts.*,
        'category not known yet' as prohibition_basis
    from alerts
    where alerts.alert_group = 'unknown'

),

dated as (

    select
        counted_by.*,
        year_types.year_type,
        coalesce(
            case year_types.year_type
                when 'academic' then {{ academic_year('counted_by.start_date') }}
                else {{ financial_year('counted_by.start_date') }}
            end,
            'unknown'
        ) as statistics_year
    from counted_by
    cross join year_types

),

final as (

    select
        year_type,
        statistics_year,
        prohibition_basis,
        prohibition_basis = 'category' as is_in_published_total,
        cast(count(distinct live_person_id) as {{ dbt.type_bigint() }}) as prohibited_person_count,
        cast(count(*) as {{ dbt.type_bigint() }}) as prohibition_count,
        cast(sum(case when is_open then 1 else 0 end) as {{ dbt.type_bigint() }}) as open_prohibition_count
    from dated
    group by year_type, statistics_year, prohibition_basis

)

select * from final
