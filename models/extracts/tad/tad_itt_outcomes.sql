with

outcomes as (

    select * from {{ ref('fct_trainee_outcomes') }}
    where is_in_published_rate

),

-- Providers without a UKPRN are one place, as nobody could tell them apart.
counted as (

    select
        training_year,
        coalesce(training_provider_ukprn, 'x') as statistics_place,
        case trainee_outcome
            when 'awarded' then 'Awarded QTS'
            when 'not awarded' then 'Completed without QTS'
            else 'Left before completing'
        end as trainee_outcome,
        sum(trainee_count) as people
    from outcomes
    group by training_year, coalesce(training_provider_ukprn, 'x'), trainee_outcome

),

providers as (

    select
        training_provider_ukprn,
        min(training_provider_name) as provider_name
    from outcomes
    group by training_provider_ukprn

),

years as (

    select distinct training_year from counted

),

places as (

    select distinct statistics_place from counted
    union all
    select 'Total' as statistics_place

),

outcome_items as (

    select distinct trainee_outcome from counted
    union all
    select 'Total' as trainee_outcome

),

-- Every combination has a row, also of nobody: a count is only safe in a table that is whole.
cells as (

    select
        years.training_year,
        places.statistics_place,
        outcome_items.trainee_outcome,
        coalesce(sum(counted.people), 0) as people
    from years
    cross join places
    cross join outcome_items
    left join counted
        on
            years.training_year = counted.training_year
            and places.statistics_place in ('Total', counted.statistics_place)
            and outcome_items.trainee_outcome in ('Total', counted.trainee_outcome)
    group by years.training_year, places.statistics_place, outcome_items.trainee_outcome

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        cells.statistics_place,
        'Academic year' as time_identifier,
        'E92000001' as country_code,
        'England' as country_name,
        cells.trainee_outcome,
        replace(cells.training_year, '/', '') as time_period,
        case when cells.statistics_place = 'Total' then 'National' else 'Provider' end as geographic_level,
        nullif(cells.statistics_place, 'Total') as provider_ukprn,
        case when cells.statistics_place = 'x' then 'Not available' else providers.provider_name end as provider_name,
        {{ as_text('cast(cells.people as ' ~ dbt.type_bigint() ~ ')') }} as trainee_count,
        -- The share is made while the file is written, of the counts that are published: it says no more than they do.
        {{ as_text("'z'") }} as trainee_percent
    from cells
    left join providers
        on cells.statistics_place = providers.training_provider_ukprn

)

select * from final
