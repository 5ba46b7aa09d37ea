-- In which months were the awards of QTS of the last five years?
select to_char(qts_date, 'YYYY-MM') as month, count(*) as holders
from marts.dim_person
where qts_date >= '2021-09-01'
group by month
order by month;
