select
    cast('a' as text) as person_id,
    cast('2026-01-01' as date) as visited_on,
    false as is_deleted
