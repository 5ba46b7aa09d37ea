with

awards as (

    select * from {{ ref('fct_employment_after_award') }}
    where award_group = 'ITT England'

),

-- A year counts once all of its people have been followed to the end: before that the figure is provisional.
followed as (

    select training_year
    from awards
    group by training_year
    having min(case when is_followed_to_the_end then 1 else 0 end) = 1

),

statuses as (

    select 'Employed' as employment_status
    union all
    select 'Not employed' as employment_status

),

-- Providers without a UKPRN are one place, as nobody could tell them apart.
counted as (

    select
        awards.training_year,
        statuses.employment_status,
        coalesce(awards.training_provider_ukprn, 'x') as statistics_place,
        sum(
            case statuses.employment_status
                when 'Employed' then awards.employed_count
                else awards.award_count - awards.employed_count
            end
        ) as people
    from awards
    inner join followed
        on awards.training_year = followed.training_year
    cross join statuses
    group by awards.training_year, coalesce(awards.training_provider_ukprn, 'x'), statuses.employment_status

),

providers as (

    select
        training_provider_ukprn,
        min(training_provider_name) as provider_name
    from awards
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

status_items as (

    select employment_status from statuses
    union all
    select 'Total' as employment_status

),

-- Every combination has a row, also of nobody: a count is only safe in a table that is whole.
cells as (

    select
        years.training_year,
        places.statistics_place,
        status_items.employment_status,
        coalesce(sum(counted.people), 0) as people
    from years
    cross join places
    cross join status_items
    left join counted
        on
            years.training_year = counted.training_year
            and places.statistics_place in ('Total', counted.statistics_place)
            and status_items.employment_status in ('Total', counted.employment_status)
    group by years.training_year, places.statistics_place, status_items.employment_status

),

final as (

    select
        {{ as_at_date() }} as as_at_date,
        cells.statistics_place,
        'Academic year' as time_identifier,
        'E92000001' as country_code,
        'England' as country_name,
        cells.employment_status,
        replace(cells.training_year, '/', '') as time_period,
        case when cells.statistics_place = 'Total' then 'National' else 'Provider' end as geographic_level,
        nullif(cells.statistics_place, 'Total') as provider_ukprn,
        case when cells.statistics_place = 'x' then 'Not available' else providers.provider_name end as provider_name,
        {{ as_text('cast(cells.people as ' ~ dbt.type_bigint() ~ ')') }} as teacher_count,
        -- The share is made while the file is written, of the counts that are published: it says no more than they do.
        {{ as_text("'z'") }} as teacher_percent
    from cells
    left join providers
        on cells.statistics_place = providers.training_provider_ukprn

)

select * from final
