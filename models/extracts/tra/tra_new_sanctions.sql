{#- One that is open and began within three weeks, or was recorded within one. -#}
{%- set is_on_list -%}
sanctions.is_open
and (sanctions.start_date > days.three_weeks_before or sanctions.record_created_date > days.week_before)
{%- endset -%}
{{ listed_sanctions(is_on_list) }}
