{#
    Whether an award is in the total of the published awards of QTS: the Teaching Regulation Agency's annual report has
    four groups, which add up to it. QTLS, partial QTS, early years and routes that are in no group lie outside.
#}
{% macro is_in_published_awards(professional_status, award_group) -%}
    {{ professional_status }} = 'QTS'
    and {{ award_group }} in (
        'ITT England', 'Assessment only', 'Wales, Scotland and Northern Ireland', 'Overseas recognised'
    )
{%- endmacro %}
