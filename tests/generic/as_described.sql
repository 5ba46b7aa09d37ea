{#
    All that a model's YAML says of its keys, nulls and values, in one query: see `described_rules`. One row for each
    breach (a column and a rule, and of a value that should not be there the value) and example of a row in breach, up
    to five:

        breach_column, breach_rule, breach_value
        breach_stops    whether it stops a build: it would mislead readers
        breach_rows     how many rows are in breach
        breach_example  1 for the first example
        and the columns of the grain, as text: the key of the example

    The number that dbt shows is that of rows in breach. They are an error when one of the breaches stops a build.
#}
{% test as_described(model) %}

{{ config(
    fail_calc='coalesce(sum(case when breach_example = 1 then breach_rows else 0 end), 0)',
    error_if='!= 0 and coalesce(max(case when breach_stops then 1 else 0 end), 0) = 1'
) }}

{% if execute %}
{{ breaches_of(model, attached_node()) }}
{% else %}
select * from {{ model }}
{% endif %}

{% endtest %}
