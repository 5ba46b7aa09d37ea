with

awards as (

    select
        *,
        {{ training_year('awarded_date') }} as training_year,
        -- Sixteen months after 31 July, when the year of the award ends.
        cast(
            lpad({{ as_text(first_year_of('awarded_date', 8) ~ ' + 2') }}, 4, '0') || '-11-30' as date
        ) as followed_until_date
    from {{ ref('int_award__first') }}
    where is_in_published_total and awarded_date <= {{ as_at_date() }}

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
        on
            awards.live_person_id = service.live_person_id
            and awards.followed_until_date >= service.spell_start_date
            and (service.spell_end_date is null or awards.awarded_date <= service.spell_end_date)
    group by awards.live_person_id

),

counted as (

    select
        awards.training_year,
        awards.award_group,
        awards.training_provider_id,
        awards.training_provider_ukprn,
        awards.training_provider_name,
        awards.followed_until_date,
        count(*) as award_count,
        count(employed.live_person_id) as employed_count,
        coalesce(sum(employed.within_16_months_of_award), 0) as employed_soon_after_award_count,
        min(awards.awarded_date) as first_awarded_date
    from awards
    left join employed
        on awards.live_person_id = employed.live_person_id
    group by
        awards.training_year,
        awards.award_group,
        awards.training_provider_id,
        awards.training_provider_ukprn,
        awards.training_provider_name,
        awards.followed_until_date

),

final as (

    select
        counted.training_year,
        counted.award_group,
        counted.training_provider_id,
        counted.training_provider_ukprn,
        counted.training_provider_name,
        cast(counted.award_count as {{ dbt.type_bigint() }}) as award_count,
        cast(counted.employed_count as {{ dbt.type_bigint() }}) as employed_count,
        cast(counted.employed_soon_after_award_count as {{ dbt.type_bigint() }}) as employed_soon_after_award_count,
        counted.followed_until_date,
        coalesce(
            counted.followed_until_date <= coverage.newest_extract_date
            and counted.first_awarded_date >= coverage.first_extract_date,
            false
        ) as is_followed_to_the_end
    from counted
    cross join coverage

)

select * from final
