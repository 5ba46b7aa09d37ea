with

awards as (

    select
        *,
        {{ training_year('awarded_date') }} as training_year,
        -- Sixteen months after 31 July, when the year of the award ends.
        cast({{ as_text(first_year_of('awarded_date', 8) ~ ' + 2') }} || '-11-30' as date) as followed_until_date
    from {{ ref('int_award__first') }}
    where is_in_published_total and awarded_date is not null and awarded_date <= {{ as_at_date() }}

),

service as (

    select * from {{ ref('fct_school_service_spell') }}

),

coverage as (

    select * from {{ ref('int_employment__coverage') }}

),

-- In service on any day from the award to the end of the time: spells that were already there count, too.
employed as (

    select
        awards.live_person_id,
        max(
            case
                when service.spell_start_date <= cast({{ dbt.dateadd('month', 16, 'awards.awarded_date') }} as date)
                    then 1
                else 0
            end
        ) as within_16_months_of_award
    from awards
    inner join service
        on awards.live_person_id = service.live_person_id
    where
        service.spell_start_date <= awards.followed_until_date
        and (service.spell_end_date is null or service.spell_end_date >= awards.awarded_date)
    group by awards.live_person_id

),

final as (

    select
        awards.training_year,
        awards.award_group,
        awards.training_provider_id,
        max(awards.training_provider_ukprn) as training_provider_ukprn,
        max(awards.training_provider_name) as training_provider_name,
        cast(count(*) as {{ dbt.type_bigint() }}) as award_count,
        cast(count(employed.live_person_id) as {{ dbt.type_bigint() }}) as employed_count,
        cast(
            coalesce(sum(employed.within_16_months_of_award), 0) as {{ dbt.type_bigint() }}
        ) as employed_soon_after_award_count,
        min(awards.followed_until_date) as followed_until_date,
        coalesce(
            max(awards.followed_until_date) <= max(coverage.newest_extract_date)
            and min(awards.awarded_date) >= min(coverage.first_extract_date),
            false
        ) as is_followed_to_the_end
    from awards
    cross join coverage
    left join employed
        on awards.live_person_id = employed.live_person_id
    group by
        awards.training_year,
        awards.award_group,
        awards.training_provider_id

)

select * from final
