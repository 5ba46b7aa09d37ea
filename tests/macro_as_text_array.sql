-- An array of null is an empty one, as BigQuery would store it; elements stay in their order.
{% set size = 'array_length' if target.type == 'bigquery' else 'cardinality' %}
with

cases as (

    select
        array['b', 'a'] as given,
        2 as expected
    union all
    {% if target.type == 'bigquery' -%}
    select array<string>[], 0
    {%- else -%}
    select cast('{}' as text []), 0
    union all
    select cast(null as text []), 0
    {%- endif %}

)

select * from cases
where coalesce({{ size }}({{ as_text_array('given') }}), -1) != expected
