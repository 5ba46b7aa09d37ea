{#
    An array of identifiers as an array of text; an array of null as an empty one, because BigQuery stores no other.
#}
{% macro as_text_array(expression) -%}
    {{ adapter.dispatch('as_text_array')(expression) }}
{%- endmacro %}

{% macro default__as_text_array(expression) -%}
    coalesce(cast({{ expression }} as text []), '{}')
{%- endmacro %}

{# BigQuery holds identifiers as text already, and knows no cast from one array to another. #}
{% macro bigquery__as_text_array(expression) -%}
    {{ expression }}
{%- endmacro %}

{#
    The rest of a `from` clause: one row for each element of an array column. In the select list the element is
    `{{ array_element(alias) }}` and its place, from 1, `{{ array_position(alias) }}`. A row without elements gives no row.
#}
{% macro unnested(array_column, alias) -%}
    {{ adapter.dispatch('unnested')(array_column, alias) }}
{%- endmacro %}

{% macro default__unnested(array_column, alias) -%}
    cross join lateral unnest({{ array_column }}) with ordinality as {{ alias }} (element, place)
{%- endmacro %}

{% macro bigquery__unnested(array_column, alias) -%}
    cross join unnest({{ array_column }}) as {{ alias }}_element with offset as {{ alias }}_offset
{%- endmacro %}

{% macro array_element(alias) -%}
    {{ adapter.dispatch('array_element')(alias) }}
{%- endmacro %}

{% macro default__array_element(alias) -%}
    {{ alias }}.element
{%- endmacro %}

{% macro bigquery__array_element(alias) -%}
    {{ alias }}_element
{%- endmacro %}

{% macro array_position(alias) -%}
    {{ adapter.dispatch('array_position')(alias) }}
{%- endmacro %}

{% macro default__array_position(alias) -%}
    cast({{ alias }}.place as {{ dbt.type_int() }})
{%- endmacro %}

{% macro bigquery__array_position(alias) -%}
    {{ alias }}_offset + 1
{%- endmacro %}

{# A text as an array of its words, which have one space between them. #}
{% macro words_of(expression) -%}
    {{ adapter.dispatch('words_of')(expression) }}
{%- endmacro %}

{% macro default__words_of(expression) -%}
    string_to_array({{ expression }}, ' ')
{%- endmacro %}

{% macro bigquery__words_of(expression) -%}
    split({{ expression }}, ' ')
{%- endmacro %}

{# What stands before or behind the first colon of a text: a part of `a:b`. #}
{% macro part_of_pair(expression, place) -%}
    {{ adapter.dispatch('part_of_pair')(expression, place) }}
{%- endmacro %}

{% macro default__part_of_pair(expression, place) -%}
    split_part({{ expression }}, ':', {{ place }})
{%- endmacro %}

{% macro bigquery__part_of_pair(expression, place) -%}
    split({{ expression }}, ':')[safe_ordinal({{ place }})]
{%- endmacro %}
