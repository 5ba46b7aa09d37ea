{#
    A number of rows or people, and null where it is below a threshold. The result is open
    (warehouse/core/lineage/releases.yml).

    number: an aggregate, as SQL, such as `count(distinct person_id)`.
    threshold: at least 10.
#}
{% macro count_at_least(number, threshold=10) -%}
    {%- if threshold is not number or threshold < 10 -%}
        {{ exceptions.raise_compiler_error("count_at_least needs a threshold of at least 10, not '" ~ threshold ~ "'.") }}
    {%- endif -%}
    /* released: count_at_least */ (case when {{ number }} >= {{ threshold }} then {{ number }} end)
{%- endmacro %}
