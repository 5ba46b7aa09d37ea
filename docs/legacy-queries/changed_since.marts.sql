-- Which records have changed since 1 September 2026?
select trn, record_updated_date
from marts.dim_person
where record_updated_date >= '2026-09-01'
order by record_updated_date, trn;
