{#
    dbt's own version reports every array column as `ARRAY`, which no cast accepts, so a unit test could not even leave
    such a column empty. This one names the element's type (`text[]`). It asks the catalogue itself: the view of
    information_schema that dbt reads is a join of ten tables, planned again for each model of a build.
#}
{% macro postgres__get_columns_in_relation(relation) -%}
    {% call statement('get_columns_in_relation', fetch_result=True) %}
        select
            a.attname as column_name,
            case
                when e.oid is not null then e.typname || '[]' else pg_catalog.format_type(a.atttypid, null)
            end as data_type,
            information_schema._pg_char_max_length(a.atttypid, a.atttypmod) as character_maximum_length,
            information_schema._pg_numeric_precision(a.atttypid, a.atttypmod) as numeric_precision,
            information_schema._pg_numeric_scale(a.atttypid, a.atttypmod) as numeric_scale
        from pg_catalog.pg_attribute as a
        inner join pg_catalog.pg_class as c on c.oid = a.attrelid
        inner join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        left join pg_catalog.pg_type as e on e.typarray = a.atttypid
        where
            c.relname = '{{ relation.identifier }}'
            {% if relation.schema %}
            and n.nspname = '{{ relation.schema }}'
            {% endif %}
            and c.relkind in ('r', 'p', 'v', 'm', 'f') and a.attnum > 0 and not a.attisdropped
        order by a.attnum
    {% endcall %}
    {% set table = load_result('get_columns_in_relation').table %}
    {{ return(sql_convert_columns_in_relation(table)) }}
{% endmacro %}
