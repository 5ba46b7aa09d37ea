with

awards as (

    select * from {{ ref('fct_awards_by_year') }}
    where year_type = 'financial' and professional_status = 'QTS' and statistics_year != 'unknown'

),

-- Providers without a UKPRN are one place, as nobody could tell them apart.
counted as (

    select
        statistics_year,
        award_group,
        coalesce(training_provider_ukprn, 'x') as statistics_place,
        sum(award_count - award_ahead_count) as people
    from awards
    where award_count > award_ahead_count
    group by statistics_year, coalesce(training_provider_ukprn, 'x'), award_group

),

providers as (

    select
        training_provider_ukprn,
        min(training_provider_name) as provider_name
    from awards
    group by training_provider_ukprn

),

years as (

    select distinct statistics_year from counted

),

places as (

    select distinct statistics_place from counted
    union all
    select 'Total' as statistics_place

),

award_groups as (

    select distinct award_group from counted
    union all
    select 'Total' as award_group

),

-- Every combination has a row, also of nobody: a count is only safe in a table that is whole.
cells as (

    select
        years.statistics_year,
        places.statistics_place,
        award_groups.award_group,
        coalesce(sum(counted.people), 0) as people
    from years
    cross join places
    cross join award_groups
    left join counted
        on
            years.statistics_year = counted.statistics_year
            and places.statistics_place in ('Total', counted.statistics_place)
            and award_groups.award_group in ('Total', counted.award_group)
    group by years.statistics_year, places.statistics_place, award_groups.award_group

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        cells.statistics_place,
        'Financial year' as time_identifier,
        'E92000001' as country_code,
        'England' as country_name,
        cells.award_group,
        replace(cells.statistics_year, '-', '') as time_period,
        case when cells.statistics_place = 'Total' then 'National' else 'Provider' end as geographic_level,
        nullif(cells.statistics_place, 'Total') as provider_ukprn,
        case when cells.statistics_place = 'x' then 'Not available' else providers.provider_name end as provider_name,
        {{ as_text('cast(cells.people as ' ~ dbt.type_bigint() ~ ')') }} as qts_award_count
    from cells
    left join providers
        on cells.statistics_place = providers.training_provider_ukprn

)

select * from final
