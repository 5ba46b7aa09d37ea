with

inductions as (

    select * from {{ ref('int_induction__live_person') }}
    where induction_status != 0

),

qts_awards as (

    select
        live_person_id,
        awarded_date
    from {{ ref('int_award__first') }}
    where professional_status = 'QTS'

),

year_types as (

    select 'academic' as year_type
    union all
    select 'financial' as year_type

),

-- TRS keeps no day on which somebody became exempt or had to complete induction: the year is that of the QTS.
placed as (

    select
        inductions.induction_status_label,
        case
            when inductions.induction_status in (4, 5, 6) then 'completed date'
            when inductions.induction_status = 3 then 'start date'
            else 'QTS date'
        end as year_source,
        case
            when inductions.induction_status in (4, 5, 6) then inductions.induction_completed_date
            when inductions.induction_status = 3 then inductions.induction_start_date
            else qts_awards.awarded_date
        end as year_date
    from inductions
    left join qts_awards
        on inductions.live_person_id = qts_awards.live_person_id

),

dated as (

    select
        placed.*,
        year_types.year_type,
        coalesce(
            case year_types.year_type
                when 'academic' then {{ academic_year('placed.year_date') }}
                else {{ financial_year('placed.year_date') }}
            end,
            'unknown'
        ) as statistics_year
    from placed
    cross join year_types

),

final as (

    select
        year_type,
        statistics_year,
        induction_status_label,
        year_source,
        cast(count(*) as {{ dbt.type_bigint() }}) as person_count
    from dated
    group by year_type, statistics_year, induction_status_label, year_source

)

select * from final
