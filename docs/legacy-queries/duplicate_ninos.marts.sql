-- Which records share a National Insurance number?
with counted as (
    select
        trn, date_of_birth, national_insurance_number,
        count(*) over (partition by upper(national_insurance_number)) as records
    from marts.dim_person
    where national_insurance_number is not null
)

select trn, date_of_birth, length(rtrim(national_insurance_number)) as length
from counted
where records > 1
order by national_insurance_number, trn;
