{# Every value of the column, in the rows that `where` picks, stands in a column of another model. #}
{% test relationships_where(model, column_name, to, field, where='true') %}

select child.{{ column_name }}
from {{ model }} as child
left join {{ to }} as parent
    on child.{{ column_name }} = parent.{{ field }}
where
    child.{{ column_name }} is not null
    and parent.{{ field }} is null
    and ({{ where }})

{% endtest %}
