{#
    Who raised something, in one word, from two joined CTEs of users: the one that is named, and the one that stands for
    the user of DQT that is named. A user of DQT whom TRS does not list may have been a person or a service.
#}
{% macro raised_by_kind(users, dqt_users, dqt_user_id) -%}
    case
        when {{ users }}.user_kind is not null then {{ users }}.user_kind
        when {{ dqt_users }}.user_kind is not null then {{ dqt_users }}.user_kind
        when {{ dqt_user_id }} is not null then 'DQT user'
        else 'unknown'
    end
{%- endmacro %}
