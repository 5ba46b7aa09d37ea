-- How many open establishments has each local authority, and how many of them are academies by name?
select la_name, count(*) as establishments, count(*) filter (where establishment_name ilike '%academy%') as academies
from marts.dim_establishment
where establishment_status_code = 1
group by la_name
having count(*) >= 2
order by establishments desc, la_name;
