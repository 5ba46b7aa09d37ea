{#
    Text in the order of its code points, which every database has: upper case before lower, accents last. Without it
    PostgreSQL orders by the collation of the database, and the same list comes out differently on another server.
    Identifiers (UUIDs) need none: they have the same order in every collation.
#}
{% macro text_order(expression) -%}
    {{ adapter.dispatch('text_order')(expression) }}
{%- endmacro %}

{% macro default__text_order(expression) -%}
    {{ expression }}
{%- endmacro %}

{% macro postgres__text_order(expression) -%}
    {{ expression }} collate "C"
{%- endmacro %}

{# The texts of a group in one text, in the order of `text_order`; null where the group has none. #}
{% macro listed_text(expression, separator='; ') -%}
    {{ dbt.listagg(expression, "'" ~ separator ~ "'", 'order by ' ~ text_order(expression)) }}
{%- endmacro %}
