{# The sanction codes of prohibition that the Teaching Regulation Agency hears of, as a list of SQL: T1 to T5. #}
{% macro sanctions_of_the_agency() -%}
    ('T1', 'T2', 'T3', 'T4', 'T5')
{%- endmacro %}

{#
    Names as one text, with one space between them: those that are missing, and those that are blank, leave no space.
    TRS takes an empty text for a name.
#}
{% macro joined_names(names) -%}
    {%- set parts = [] -%}
    {%- for name in names -%}
        {%- do parts.append("coalesce(" ~ as_trimmed_text(name) ~ " || ' ', '')") -%}
    {%- endfor -%}
    {{ as_trimmed_text(parts | join(' || ')) }}
{%- endmacro %}

{#
    The sanctions that the agency's lists of the last year have on them: one row per day of a list and sanction on it, of
    people whose record is in use.

    is_on_list   SQL: whether a sanction is on the list of a day. It sees `sanctions` (the columns of fct_alert) and `days`:
                 date_day, and the days a week and three weeks before it.
#}
{% macro listed_sanctions(is_on_list) %}
with

people as (

    select * from {{ ref('dim_person') }}

),

-- A number that stays with the sanction on either list: rows can be told apart without the alert's own identifier.
sanctions as (

    select
        alerts.*,
        cast(
            row_number() over (
                partition by alerts.person_id
                order by alerts.record_created_date asc nulls last, alerts.alert_id asc nulls last
            ) as {{ dbt.type_int() }}
        ) as sanction_number
    from {{ ref('fct_alert') }} as alerts
    where alerts.dqt_sanction_code in {{ sanctions_of_the_agency() }}

),

-- The days whose lists can still be asked for.
days as (

    select
        date_day,
        cast({{ dbt.dateadd('day', -21, 'date_day') }} as date) as three_weeks_before,
        cast({{ dbt.dateadd('day', -7, 'date_day') }} as date) as week_before
    from {{ ref('dim_date') }}
    where
        date_day <= {{ as_at_date() }}
        and date_day > cast({{ dbt.dateadd('year', -1, as_at_date()) }} as date)

),

listed as (

    select
        {{ as_at_date() }} as as_at_date,
        days.date_day as sanction_listed_date,
        people.trn,
        sanctions.sanction_number,
        {{ deliverable_date('people.date_of_birth') }} as date_of_birth,
        {{ joined_names(['people.first_name', 'people.middle_name', 'people.last_name']) }} as full_name,
        sanctions.alert_type_name,
        {{ deliverable_date('sanctions.start_date') }} as alert_start_date,
        sanctions.end_date as alert_end_date
    from sanctions
    inner join people
        on sanctions.person_id = people.person_id
    inner join days
        on sanctions.record_created_date <= days.date_day and ({{ is_on_list }})
    where people.is_active

)

select * from listed
{% endmacro %}
