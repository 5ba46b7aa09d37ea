{#
    A post-hook: fresh statistics for a table that was just filled, because the next model reads it before autovacuum
    comes by, and a plan without statistics is minutes slower. Nothing to do for views, nor on BigQuery.
#}
{% macro analyze_table() %}
    {{- adapter.dispatch('analyze_table')() -}}
{% endmacro %}

{% macro default__analyze_table() %}
{% endmacro %}

{% macro postgres__analyze_table() %}
    {%- if model.config.materialized in ('table', 'incremental', 'seed') -%}
        analyze {{ this }}
    {%- endif -%}
{% endmacro %}
