{#
    A measure of data quality: of the rows that `row_filter` picks, at most the share `at_most` makes the expression
    untrue (null counts as untrue). The number reported is that of the rows at fault. It warns; it never fails a build.
#}
{% test mostly_true(model, expression, at_most, row_filter='true') %}

{{ config(severity='warn', fail_calc='coalesce(max(rows_at_fault), 0)') }}

with

judged as (

    select case when ({{ expression }}) is true then 0 else 1 end as is_at_fault
    from {{ model }}
    where {{ row_filter }}

),

counted as (

    select
        coalesce(sum(is_at_fault), 0) as rows_at_fault,
        count(*) as row_count
    from judged

)

select *
from counted
where rows_at_fault > {{ at_most }} * row_count

{% endtest %}
