-- How many people have each induction status?
select
    case induction_status
        when 1 then 'Required to Complete'
        when 2 then 'Exempt'
        when 3 then 'In Progress'
        when 4 then 'Pass'
        when 5 then 'Fail'
        when 6 then 'Failed in Wales'
    end as induction_status,
    count(*) as people
from marts.dim_person
where induction_status between 1 and 6
group by dim_person.induction_status
order by people desc;
