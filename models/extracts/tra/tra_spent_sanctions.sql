{#- One that ended within three weeks. -#}
{%- set is_on_list -%}
sanctions.end_date between days.three_weeks_before and days.date_day
{%- endset -%}
{{ listed_sanctions(is_on_list) }}
