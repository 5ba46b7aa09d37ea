{# The column is not null in the rows that `where` picks. #}
{% test not_null_where(model, column_name, where) %}

select *
from {{ model }}
where ({{ where }}) and {{ column_name }} is null

{% endtest %}
