with

source as (

    select * from {{ replica('users') }}

),

user_type_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'UserType'

),

user_role_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'UserRole'

),

record_matching_policy_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'RecordMatchingPolicy'

),

final as (

    select
        {{ as_text('source.user_id') }} as user_id,
        source.active,
        source.user_type,
        {{ label_of('source.user_type', 'user_type_labels') }} as user_type_label,
        {{ as_text('source.name') }} as name,
        {{ as_text_array('source.api_roles') }} as api_roles,
        source.is_oidc_client,
        {{ as_text('source.client_id') }} as client_id,
        {{ as_text('source.one_login_client_id') }} as one_login_client_id,
        source.use_shared_one_login_signing_keys,
        {{ as_text('source.one_login_authentication_scheme_name') }} as one_login_authentication_scheme_name,
        {{ as_text('source.email') }} as email,
        {{ as_text('source.azure_ad_user_id') }} as azure_ad_user_id,
        {{ as_text('source.role') }} as role,
        {{ label_of('source.role', 'user_role_labels') }} as role_label,
        {{ as_text('source.dqt_user_id') }} as dqt_user_id,
        source.record_matching_policy,
        {{ label_of(
            'source.record_matching_policy',
            'record_matching_policy_labels'
        ) }} as record_matching_policy_label,
        {{ as_text('source.short_name') }} as short_name,
        {{ finite('source.last_signed_in_utc') }} as last_signed_in_utc,
        {{ infinite_count(['source.last_signed_in_utc']) }} as infinite_value_count,
        {{ original_dates(['source.last_signed_in_utc']) }} as dates_out_of_range
    from source
    left join user_type_labels
        on user_type_labels.code = {{ as_text('source.user_type') }}
    left join user_role_labels
        on user_role_labels.code = {{ as_text('source.role') }}
    left join record_matching_policy_labels
        on record_matching_policy_labels.code = {{ as_text('source.record_matching_policy') }}

)

select * from final
