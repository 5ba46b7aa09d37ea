{# The column is not null in the rows that `row_filter` picks. #}
{% test not_null_where(model, column_name, row_filter) %}

select *
from {{ model }}
where ({{ row_filter }}) and {{ column_name }} is null

{% endtest %}
