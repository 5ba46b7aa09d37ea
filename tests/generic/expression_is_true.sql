{# Every row (of those that `row_filter` picks) makes the expression true; null counts as not true. #}
{% test expression_is_true(model, expression, row_filter='true') %}

select *
from {{ model }}
where ({{ row_filter }}) and ({{ expression }}) is not true

{% endtest %}
