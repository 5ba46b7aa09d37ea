{#
    Spells of service, as a query: employments that overlap or follow each other without a free day are one spell. They
    are made from an expression `employments`, of those that pass the condition; those that end before they start, and
    repeats of a key, are left out.
#}
{% macro service_spells(condition) -%}
with

counted as (

    select
        live_person_id,
        start_date,
        -- Service that lasts has an end beyond all others. Its next day has to exist on every server.
        case
            when service_end_date < cast('9998-12-31' as date) then service_end_date
            else cast('9998-12-31' as date)
        end as end_date
    from employments
    where
        is_counted_for_key
        and start_date is not null
        and coalesce(service_end_date >= start_date, true)
        and {{ condition }}

),

followed as (

    select
        counted.*,
        max(counted.end_date) over (
            partition by counted.live_person_id
            order by counted.start_date asc nulls last, counted.end_date asc nulls last
            rows between unbounded preceding and 1 preceding
        ) as end_so_far
    from counted

),

-- An employment that starts by the day after all earlier ones have ended continues the spell.
numbered as (

    select
        followed.*,
        sum(
            case
                when followed.end_so_far is null then 1
                when followed.start_date > cast({{ dbt.dateadd('day', 1, 'followed.end_so_far') }} as date) then 1
                else 0
            end
        ) over (
            partition by followed.live_person_id
            order by followed.start_date asc nulls last, followed.end_date asc nulls last
            rows between unbounded preceding and current row
        ) as spell_number
    from followed

)

select
    live_person_id,
    cast(spell_number as {{ dbt.type_int() }}) as spell_number,
    min(start_date) as spell_start_date,
    max(end_date) as last_day,
    cast(count(*) as {{ dbt.type_int() }}) as spell_employment_count
from numbered
group by live_person_id, spell_number
{%- endmacro %}
