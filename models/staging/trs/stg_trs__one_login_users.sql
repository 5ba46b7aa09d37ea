with

source as (

    select * from {{ replica('one_login_users') }}

),

one_login_user_verification_route_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'OneLoginUserVerificationRoute'

),

one_login_user_match_route_labels as (

    select
        code,
        label
    from {{ ref('trs_enums') }}
    where enum_name = 'OneLoginUserMatchRoute'

),

final as (

    select
        {{ as_text('source.subject') }} as subject,
        {{ as_text('source.email_address') }} as email_address,
        {{ as_text('source.person_id') }} as person_id,
        {{ finite('source.verified_on') }} as verified_on,
        source.verification_route,
        {{ label_of(
            'source.verification_route',
            'one_login_user_verification_route_labels'
        ) }} as verification_route_label,
        {{ finite('source.matched_on') }} as matched_on,
        source.match_route,
        {{ label_of('source.match_route', 'one_login_user_match_route_labels') }} as match_route_label,
        source.matched_attributes,
        {{ as_text('source.verified_by_application_user_id') }} as verified_by_application_user_id,
        {{ is_infinite('source.verified_on') }} as has_infinite_verified_on,
        {{ infinite_count(['source.verified_on', 'source.matched_on']) }} as infinite_value_count,
        {{ original_dates(['source.verified_on', 'source.matched_on']) }} as dates_out_of_range
    from source
    left join one_login_user_verification_route_labels
        on one_login_user_verification_route_labels.code = {{ as_text('source.verification_route') }}
    left join one_login_user_match_route_labels
        on one_login_user_match_route_labels.code = {{ as_text('source.match_route') }}

)

select * from final
