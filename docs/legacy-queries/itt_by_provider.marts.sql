-- Which providers have trained most people since September 2020?
select
    training_provider_name, training_provider_ukprn, count(*) as trainees,
    count(*) filter (where is_held) as passed
from marts.fct_route
where
    training_provider_id is not null
    and training_start_date >= '2020-09-01'
    and route_status_label in ('Holds', 'In training')
group by training_provider_name, training_provider_ukprn
order by trainees desc, training_provider_name
limit 20;
