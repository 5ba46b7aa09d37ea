with

sanctions as (

    select * from {{ ref('dfeta_sanction_legacy') }}

),

final as (

    select
        id,
        dfeta_personid,
        dfeta_sanctioncodeid,
        dfeta_sanctioncodeidname,
        dfeta_sanctiondetails,
        dfeta_detailslink,
        dfeta_startdate,
        dfeta_enddate,
        createdon,
        modifiedon,
        statecode,
        statuscode,
        __inserted,
        {{ legacy_last('__updated', 'dfeta_sanction_legacy') }}
    from sanctions

)

select * from final
