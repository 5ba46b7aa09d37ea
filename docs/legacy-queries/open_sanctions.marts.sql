-- Which sanctions are open?
select
    people.trn, upper(people.last_name) || ', ' || people.first_name as name, alerts.dqt_sanction_code,
    to_char(alerts.start_date, 'DD/MM/YYYY') as started
from marts.fct_alert as alerts
inner join marts.dim_person as people
    on alerts.person_id = people.person_id
where alerts.is_open and alerts.dqt_sanction_code is not null
order by people.trn, alerts.dqt_sanction_code;
