{#
    A measure of data quality: of the rows that `row_filter` picks, at most the share `at_most` makes the expression
    untrue (null counts as untrue). It finds the rows at fault, when they are more. It warns; it never fails a build.
#}
{% test mostly_true(model, expression, at_most, row_filter='true') %}

{{ config(severity='warn') }}

with

at_fault as (

    select *
    from {{ model }}
    where ({{ row_filter }}) and ({{ expression }}) is not true

),

counted as (

    select
        (select count(*) from at_fault) as rows_at_fault,
        count(*) as row_count
    from {{ model }}
    where {{ row_filter }}

)

select at_fault.*
from at_fault
cross join counted
where counted.rows_at_fault > {{ at_most }} * counted.row_count

{% endtest %}
