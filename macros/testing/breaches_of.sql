{#
    The rows of a relation that are not as its node describes them, see `described_rules`; the columns are those of
    the test `as_described`. Rules of single rows take one pass over the relation, each key another.
#}
{% macro breaches_of(relation, node) -%}
{%- set rules = described_rules(node) -%}
{%- set grain = node.config.meta.grain -%}
{%- set of_rows = rules | selectattr('breach') | list -%}
{%- set of_keys = rules | rejectattr('breach') | list -%}
with

rules as (

    {% for rule in of_rows -%}
    select
        {{ loop.index }} as breach_place,
        '{{ rule.column }}' as breach_column,
        '{{ rule.rule }}' as breach_rule,
        {{ rule.stops | string | lower }} as breach_stops
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

faulty as (

    select *
    from {{ relation }}
    where
        {% for rule in of_rows -%}
        {{ 'or ' if not loop.first }}{{ rule.breach }}
        {% endfor %}
),

found as (

    select
        rules.breach_column,
        rules.breach_rule,
        rules.breach_stops,
        case rules.breach_place
            when 0 then ''
            {%- for rule in of_rows if rule.rule in ('accepted', 'known_code') %}
            when {{ of_rows.index(rule) + 1 }} then {{ as_text('faulty.' ~ rule.column) }}
            {%- endfor %}
        end as breach_value,
        1 as breach_count
        {%- for name in grain %},
        {{ as_text('faulty.' ~ name) }} as {{ name }}
        {%- endfor %}
    from faulty
    cross join rules
    where
        case rules.breach_place
            {%- for rule in of_rows %}
            when {{ loop.index }} then {{ rule.breach }}
            {%- endfor %}
        end
    {% for rule in of_keys %}
    {%- set key = grain if rule.rule == 'grain' else [rule.column] %}
    union all
    select
        '{{ rule.column }}' as breach_column,
        '{{ rule.rule }}' as breach_rule,
        {{ rule.stops | string | lower }} as breach_stops,
        {{ as_text('described.' ~ rule.column if rule.rule == 'unique' else 'null') }} as breach_value,
        count(*) as breach_count
        {%- for name in grain %},
        {#- Of a repeated value, the key of its first row; of a key of several columns one alone would say little. #}
        {%- if name in key %}
        {{ as_text('described.' ~ name) }} as {{ name }}
        {%- elif grain | length == 1 %}
        min({{ as_text('described.' ~ name) }}) as {{ name }}
        {%- else %}
        {{ as_text('null') }} as {{ name }}
        {%- endif %}
        {%- endfor %}
    from (select * from {{ relation }}) as described
    where {% for name in key %}{{ 'and ' if not loop.first }}described.{{ name }} is not null {% endfor %}
    group by {% for name in key %}described.{{ name }}{{ ', ' if not loop.last }}{% endfor %}
    having count(*) > 1
    {%- endfor %}

),

numbered as (

    select
        found.*,
        cast(
            sum(breach_count) over (partition by breach_column, breach_rule, {{ breach_group() }})
            as {{ dbt.type_bigint() }}
        ) as breach_rows,
        row_number() over (
            partition by breach_column, breach_rule, {{ breach_group() }}
            order by {{ grain | join(', ') }}, breach_value
        ) as breach_example
    from found

)

select *
from numbered
where breach_example <= 5
{%- endmacro %}

{# What makes breaches of one column and rule different ones: the value that should not be there, never a repeated one. #}
{% macro breach_group() -%}
    case when breach_rule in ('accepted', 'known_code') then breach_value end
{%- endmacro %}

{# The model or seed that the test being compiled is attached to. In a generic test itself, `model` is its relation. #}
{% macro attached_node() -%}
    {{ return(graph.nodes[model.attached_node]) }}
{%- endmacro %}
