-- How many mandatory qualifications were passed in each year?
select cast(extract(year from end_date) as int) as year, count(*) filter (where mq_status = 1) as passed, count(*)
from marts.fct_mandatory_qualification
group by 1
order by 1 nulls first;
