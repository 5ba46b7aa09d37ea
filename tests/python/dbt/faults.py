"""Faults that are put by hand into the population that the whole project is built over."""

FAULTS = """
-- Two people who were merged into each other, and one whose retained record does not exist.
create temporary table chosen as select person_id, row_number() over (order by person_id) as place from persons
    where status = 0 and merged_with_person_id is null
    and not exists (select 1 from persons as o where o.merged_with_person_id = persons.person_id) limit 4;
update persons set status = 1, merged_with_person_id = (select person_id from chosen where place = 2)
    where person_id = (select person_id from chosen where place = 1);
update persons set status = 1, merged_with_person_id = (select person_id from chosen where place = 1)
    where person_id = (select person_id from chosen where place = 2);
-- A year typed with five digits, on a route that awards QTS; an infinite one; a date from before the calendar.
update qualifications set training_end_date = '20190-07-01'
    where qualification_id = (select min(qualification_id::text)::uuid from qualifications
        where status = 1 and deleted_on is null and training_end_date is not null);
update tps_employments set end_date = 'infinity'
    where tps_employment_id = (select min(tps_employment_id::text)::uuid from tps_employments);
update persons set date_of_birth = '0968-01-01' where person_id = (select person_id from chosen where place = 3);
-- TRS forgot to recalculate.
update persons set qts_date = '1901-01-01' where person_id = (select person_id from chosen where place = 4);
-- Codes that TRS has begun to use and no seed knows.
update persons set gender = 9 where person_id = (select person_id from chosen where place = 3);
update persons set induction_status = 9 where person_id = (select person_id from chosen where place = 4);
update qualifications set status = 9 where qualification_id = (select max(qualification_id::text)::uuid
    from qualifications where qualification_type = 1 and status <> 1 and deleted_on is null);
update qualifications set mq_status = 9 where qualification_id = (select max(qualification_id::text)::uuid
    from qualifications where qualification_type = 0 and deleted_on is null);
update tps_employments set employment_type = 7
    where tps_employment_id = (select max(tps_employment_id::text)::uuid from tps_employments);
update route_to_professional_status_types set professional_status_type = 4
    where name = 'Primary and secondary undergraduate fee funded';
insert into alert_categories select gen_random_uuid(), 'Interim prohibition 2027', 999;
update alert_types set alert_category_id = (select alert_category_id from alert_categories
    where name = 'Interim prohibition 2027') where name = (select max(name) from alert_types);
update alerts set deleted_on = null, alert_type_id = (select alert_type_id from alert_types
    where name = (select max(name) from alert_types)) where alert_id = (select min(alert_id::text)::uuid from alerts);
update alerts set end_date = 'infinity', deleted_on = null
    where alert_id = (select max(alert_id::text)::uuid from alerts);
-- Keys that lead nowhere, as after a gap or by hand: of an alert and
-- a held route the type, of an employment the person.
create temporary table orphans as
    select (select alert_id from alerts where deleted_on is null and end_date is null
            order by alert_id::text limit 1 offset 5) as alert_id,
        (select qualification_id from qualifications where qualification_type = 1 and status = 1 and deleted_on is null
            order by qualification_id::text limit 1 offset 5) as qualification_id,
        (select tps_employment_id from tps_employments
            order by tps_employment_id::text limit 1 offset 5) as employment_id;
update alerts set alert_type_id = gen_random_uuid() where alert_id = (select alert_id from orphans);
update qualifications set route_to_professional_status_type_id = gen_random_uuid()
    where qualification_id = (select qualification_id from orphans);
update tps_employments set person_id = gen_random_uuid()
    where tps_employment_id = (select employment_id from orphans);
-- Two live employments on one key; one that begins in the year 1 and is seen last in 12026; a route held from next
-- year.
update tps_employments as e set key = o.key, withdrawal_confirmed = false from (
        select key, tps_employment_id from tps_employments order by tps_employment_id::text limit 1 offset 7) as o
    where e.tps_employment_id = (select tps_employment_id from tps_employments
        order by tps_employment_id::text limit 1 offset 8);
update tps_employments set start_date = '0001-01-01', last_known_tps_employed_date = '12026-01-01'
    where tps_employment_id = (select tps_employment_id from tps_employments
        order by tps_employment_id::text limit 1 offset 9);
update qualifications set holds_from = '2027-06-01'
    where qualification_id = (select qualification_id from qualifications
        where qualification_type = 1 and status = 1 and deleted_on is null
        order by qualification_id::text limit 1 offset 9);
-- A name of another script and one that is decomposed.
update persons set last_name = 'Nu\u0301n\u0303ez' where person_id = (select person_id from chosen where place = 3);
update persons set last_name = '\u738b\u5c0f\u660e' where person_id = (select person_id from chosen where place = 4);
-- A mandatory qualification of the earlier system with a date and no status.
update qualifications set mq_status = null, end_date = '1999-07-01', dqt_qualification_id = gen_random_uuid()
    where qualification_id = (select min(qualification_id::text)::uuid from qualifications
        where qualification_type = 0 and deleted_on is null);
-- A university, which has no number: its employees are found by its postcode, in letters of either case.
create temporary table university as
    select establishment_id from tps_employments join establishments using (establishment_id)
    where establishment_source_id = 1 group by 1 order by count(*) desc, establishment_id limit 1;
update establishments set establishment_type_code = '29', establishment_number = null, postcode = 'QQ1 1CC'
    where establishment_id in (select establishment_id from university);
update tps_employments set employer_postcode = 'qq1 1cc', key = concat_ws('.', split_part(key, '.', 1),
        split_part(key, '.', 2), 'NULL', split_part(key, '.', 4))
    where establishment_id in (select establishment_id from university);
"""
