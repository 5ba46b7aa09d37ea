-- How many exempt people have a reason on record?
select
    case when induction_exemption_reasons = 'No reason recorded' then 'No' else 'Yes' end as has_reason,
    count(*) as people
from marts.fct_induction
where induction_status = 2
group by has_reason;
