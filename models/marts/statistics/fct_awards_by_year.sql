with

awards as (

    select * from {{ ref('int_award__first') }}

),

year_types as (

    select 'academic' as year_type
    union all
    select 'financial' as year_type

),

dated as (

    select
        awards.*,
        year_types.year_type,
        coalesce(
            case year_types.year_type
                when 'academic' then {{ academic_year('awards.awarded_date') }}
                else {{ financial_year('awards.awarded_date') }}
            end,
            'unknown'
        ) as statistics_year
    from awards
    cross join year_types

),

final as (

    select
        year_type,
        statistics_year,
        professional_status,
        award_group,
        training_provider_id,
        is_in_published_total,
        training_provider_ukprn,
        training_provider_name,
        cast(count(*) as {{ dbt.type_bigint() }}) as award_count,
        cast(
            sum(case when awarded_date > {{ as_at_date() }} then 1 else 0 end) as {{ dbt.type_bigint() }}
        ) as award_ahead_count
    from dated
    group by
        year_type,
        statistics_year,
        professional_status,
        award_group,
        training_provider_id,
        is_in_published_total,
        training_provider_ukprn,
        training_provider_name

)

select * from final
