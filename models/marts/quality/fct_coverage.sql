with

coverages as (

    {% for domain in ('induction', 'operations', 'people', 'qualifications') -%}
    select
        '{{ domain }}' as coverage_domain,
        coverage_subject,
        coverage_of,
        known_from_source,
        known,
        total
    from {{ ref('int_coverage__' ~ domain) }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

final as (

    select
        coverage_domain,
        coverage_subject,
        coverage_of,
        known_from_source,
        cast(coalesce(known, 0) as {{ dbt.type_bigint() }}) as known_count,
        cast(total as {{ dbt.type_bigint() }}) as total_count,
        cast(floor(100 * known / nullif(total, 0)) as {{ dbt.type_int() }}) as known_percent
    from coverages

)

select * from final
