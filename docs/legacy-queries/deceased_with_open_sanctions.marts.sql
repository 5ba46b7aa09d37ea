-- Who has died, and with how many sanctions still open?
select people.trn, to_char(people.date_of_death, 'DD Mon YYYY') as died, count(alerts.alert_id) as open_alerts
from marts.dim_person as people
left join marts.fct_alert as alerts
    on people.person_id = alerts.person_id and alerts.is_open
where people.is_deceased
group by people.person_id, people.trn, people.date_of_death
order by people.date_of_death desc;
