with

all_spells as (

    select * from {{ ref('fct_service_spell') }}

),

school_spells as (

    select * from {{ ref('fct_school_service_spell') }}

),

coverage as (

    select * from {{ ref('int_employment__coverage') }}

),

month_ends as (

    select * from {{ ref('dim_date') }}
    where is_month_end

),

spells as (

    select
        'any employer' as service_scope,
        spell_start_date,
        spell_end_date
    from all_spells
    union all
    select
        'state-funded school' as service_scope,
        spell_start_date,
        spell_end_date
    from school_spells

),

-- The month end at which a spell counts first, and that at which it no longer counts.
bounded as (

    select
        service_scope,
        cast({{ dbt.last_day('spell_start_date', 'month') }} as date) as first_month_end,
        cast({{ dbt.last_day(dbt.dateadd('day', 1, 'spell_end_date'), 'month') }} as date) as month_end_without,
        cast({{ dbt.last_day('spell_end_date', 'month') }} as date) as end_month
    from spells

),

movements as (

    select
        first_month_end as month_end_date,
        service_scope,
        1 as balance,
        1 as begun,
        0 as ended
    from bounded
    union all
    select
        month_end_without as month_end_date,
        service_scope,
        -1 as balance,
        0 as begun,
        0 as ended
    from bounded
    where month_end_without is not null
    union all
    select
        end_month as month_end_date,
        service_scope,
        0 as balance,
        0 as begun,
        1 as ended
    from bounded
    where end_month is not null

),

by_month as (

    select
        month_end_date,
        sum(case when service_scope = 'any employer' then balance else 0 end) as balance,
        sum(case when service_scope = 'any employer' then begun else 0 end) as begun,
        sum(case when service_scope = 'any employer' then ended else 0 end) as ended,
        sum(case when service_scope = 'state-funded school' then balance else 0 end) as school_balance,
        sum(case when service_scope = 'state-funded school' then begun else 0 end) as school_begun,
        sum(case when service_scope = 'state-funded school' then ended else 0 end) as school_ended
    from movements
    group by month_end_date

),

-- Movements before the calendar begins count in the running sums, too; their months, without a day, are in no extract.
all_months as (

    select
        month_ends.academic_year,
        month_ends.date_day as month_end_date,
        coalesce(by_month.begun, 0) as begun,
        coalesce(by_month.ended, 0) as ended,
        coalesce(by_month.school_begun, 0) as school_begun,
        coalesce(by_month.school_ended, 0) as school_ended,
        sum(coalesce(by_month.balance, 0)) over (
            order by coalesce(month_ends.date_day, by_month.month_end_date) asc nulls last
            rows between unbounded preceding and current row
        ) as in_service,
        sum(coalesce(by_month.school_balance, 0)) over (
            order by coalesce(month_ends.date_day, by_month.month_end_date) asc nulls last
            rows between unbounded preceding and current row
        ) as in_school_service
    from month_ends
    full join by_month
        on month_ends.date_day = by_month.month_end_date

),

final as (

    select
        all_months.month_end_date as service_month_end_date,
        all_months.academic_year,
        cast(all_months.in_service as {{ dbt.type_int() }}) as people_in_service_count,
        cast(all_months.in_school_service as {{ dbt.type_int() }}) as people_in_school_service_count,
        cast(all_months.begun as {{ dbt.type_int() }}) as service_begun_count,
        cast(all_months.ended as {{ dbt.type_int() }}) as service_ended_count,
        cast(all_months.school_begun as {{ dbt.type_int() }}) as school_service_begun_count,
        cast(all_months.school_ended as {{ dbt.type_int() }}) as school_service_ended_count
    from all_months
    inner join coverage
        on
            all_months.month_end_date >= coverage.first_extract_date
            and all_months.month_end_date <= coverage.newest_extract_date

)

select * from final
