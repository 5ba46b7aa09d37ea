-- Who had another last name that began with A to E?
with names as (
    select
        person_id, last_name,
        lead(last_name) over (partition by person_id order by name_number nulls first) as next_last_name
    from marts.fct_person_name
)

select people.trn, people.last_name as name_now, names.last_name as name_before
from names
inner join marts.dim_person as people
    on names.person_id = people.person_id
where
    names.last_name != names.next_last_name
    and names.last_name ~* '^[a-e]'
    and lower(names.last_name) != lower(people.last_name)
order by people.trn;
