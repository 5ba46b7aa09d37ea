{# The model has as many rows as the other one (of those that `row_filter` picks): nothing was lost or doubled on the way. #}
{% test equal_rowcount(model, compare_model, row_filter='true') %}

with

own as (

    select count(*) as row_count from {{ model }}

),

other as (

    select count(*) as row_count from {{ compare_model }}
    where {{ row_filter }}

)

select
    own.row_count,
    other.row_count as other_row_count
from own
cross join other
where own.row_count != other.row_count

{% endtest %}
