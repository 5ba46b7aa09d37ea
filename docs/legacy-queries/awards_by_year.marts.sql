-- How many people were awarded QTS in each year?
select cast(extract(year from qts_date) as int) as award_year, count(*) as awards
from marts.dim_person
where is_active and qts_date is not null
group by award_year
order by award_year;
