with

notes as (

    select * from {{ ref('stg_trs__notes') }}

),

commit_times as (

    {{ commit_times_of('notes') }}

),

final as (

    select
        notes.note_id as id,
        notes.person_id as objectid,
        'contact' as objecttypecode,
        notes.content as notetext,
        {{ old_bit('notes.file_id is not null') }} as isdocument,
        {{ old_datetime('notes.created_on') }} as createdon,
        notes.created_by_dqt_user_id as createdby,
        {{ old_datetime('notes.updated_on') }} as modifiedon,
        notes.updated_by_dqt_user_id as modifiedby,
        {{ legacy_times('annotation') }}
    from notes
    left join commit_times
        on notes.note_id = commit_times.replica_key

)

select * from final
