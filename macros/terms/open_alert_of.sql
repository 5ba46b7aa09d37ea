{#
    Over rows of open alerts (`alert_group`, `is_internal_only`): whether one that may be shared is of this group. Null,
    unknown, where none is and the group of another is not known yet: false would say that somebody may teach.
#}
{% macro open_alert_of(alert_group) -%}
    case
        when max(case when not is_internal_only and alert_group = '{{ alert_group }}' then 1 else 0 end) = 1 then true
        when max(case when not is_internal_only and alert_group = 'unknown' then 1 else 0 end) = 1 then null
        else false
    end
{%- endmacro %}
