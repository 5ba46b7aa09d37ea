{# Every row (of those that `where` picks) makes the expression true; null counts as not true. #}
{% test expression_is_true(model, expression, where='true') %}

select *
from {{ model }}
where ({{ where }}) and ({{ expression }}) is not true

{% endtest %}
