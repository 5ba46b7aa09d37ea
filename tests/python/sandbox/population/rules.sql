-- Domain rules as queries that count violations. A line "rule" begins one. A line "defect" after it says that the rule is
-- broken on purpose, by a declared defect: then some rows must break it, but not many more than its share of the rows
-- that the line "of" counts. Every other rule must have no violation.

-- rule: TRNs are seven digits
SELECT count(*) FROM persons WHERE trn !~ '^\d{7}$'

-- rule: TRNs come from the ranges and below the next free number
SELECT count(*) FROM persons p WHERE NOT EXISTS (
    SELECT FROM trn_ranges r WHERE p.trn::int >= r.from_trn AND p.trn::int < r.next_trn AND r.next_trn <= r.to_trn + 1)

-- rule: national insurance numbers have a valid form when normalised
SELECT count(*) FROM persons WHERE upper(btrim(national_insurance_number::text)) !~ '^[A-CEGHJ-PQR-TW-Z][A-CEGHJ-NPQR-TW-Z]\d{6}[A-DFMU]$'
    AND upper(btrim(national_insurance_number::text)) !~ '^\d{2}[A-Z]\d{5}$'

-- rule: national insurance numbers can belong to nobody
SELECT count(*) FROM persons WHERE upper(national_insurance_number::text) !~ '^(QQ|\d)'

-- rule: national insurance numbers are normalised
-- defect: nino_not_normalised
-- of: SELECT count(*) FROM persons WHERE dqt_contact_id IS NOT NULL
SELECT count(*) FROM persons WHERE national_insurance_number::text <> upper(national_insurance_number::text)

-- rule: active people share no national insurance number
SELECT coalesce(sum(n - 1), 0) FROM (SELECT count(*) AS n FROM persons WHERE status = 0 AND national_insurance_number IS NOT NULL
    GROUP BY upper(national_insurance_number::text)) AS numbers

-- rule: persons have a date of birth
-- defect: date_of_birth_missing
-- of: SELECT count(*) FROM persons WHERE dqt_contact_id IS NOT NULL
SELECT count(*) FROM persons WHERE date_of_birth IS NULL

-- rule: only records of DQT lack a date of birth
SELECT count(*) FROM persons WHERE date_of_birth IS NULL AND dqt_contact_id IS NULL AND merged_with_person_id IS NULL

-- rule: persons have a creation time
-- defect: person_created_on_missing
-- of: SELECT count(*) FROM persons WHERE dqt_contact_id IS NOT NULL
SELECT count(*) FROM persons WHERE created_on IS NULL

-- rule: people are between 17 and 68 years old when they qualify
SELECT count(*) FROM persons WHERE qts_date < date_of_birth + interval '18 years' OR qts_date > date_of_birth + interval '75 years'

-- rule: email addresses are of reserved domains
SELECT count(*) FROM persons WHERE email_address::text !~ '^[^@ ]+@example\.(com|org|net)$'

-- rule: codes of persons are known
SELECT count(*) FROM persons WHERE status NOT IN (0, 1) OR gender NOT IN (1, 2, 3, 4) OR qtls_status NOT IN (0, 1, 2)

-- rule: merged records are deactivated
SELECT count(*) FROM persons WHERE merged_with_person_id IS NOT NULL AND status <> 1

-- rule: nobody is merged with themselves, and chains of merges end at a record that is not merged
WITH RECURSIVE chain AS (
    SELECT person_id AS first_id, person_id, merged_with_person_id, 1 AS depth FROM persons WHERE merged_with_person_id IS NOT NULL
    UNION ALL
    SELECT c.first_id, p.person_id, p.merged_with_person_id, c.depth + 1
    FROM chain c JOIN persons p ON p.person_id = c.merged_with_person_id WHERE c.depth < 20)
SELECT count(*) FROM chain WHERE depth >= 20

-- rule: merged records were made for grown-up people
SELECT count(*) FROM persons WHERE merged_with_person_id IS NOT NULL AND created_on < date_of_birth + interval '17 years'

-- rule: some records were merged, some of them in chains
SELECT CASE WHEN count(*) > 0 THEN 0 ELSE 1 END FROM persons a JOIN persons b ON b.person_id = a.merged_with_person_id
WHERE b.merged_with_person_id IS NOT NULL

-- rule: the dead are deactivated
SELECT count(*) FROM persons WHERE date_of_death IS NOT NULL AND status <> 1

-- rule: nobody dies before their award or in the future
SELECT count(*) FROM persons, sandbox.world WHERE date_of_death >= today OR date_of_death < qts_date

-- rule: records made by the pension import came by no request
SELECT count(*) FROM persons WHERE created_by_tps AND source_trn_request_id IS NOT NULL

-- rule: requests that made a person are completed and resolved to it
SELECT count(*) FROM persons p JOIN trn_request_metadata r ON r.application_user_id = p.source_application_user_id
    AND r.request_id = p.source_trn_request_id WHERE r.status <> 1 OR r.resolved_person_id IS DISTINCT FROM p.person_id

-- rule: qts_date is the earliest award of live held QTS routes
SELECT count(*) FROM persons p LEFT JOIN (
    SELECT q.person_id, min(q.holds_from) FILTER (WHERE t.professional_status_type = 0) AS qts
    FROM qualifications q JOIN route_to_professional_status_types t USING (route_to_professional_status_type_id)
    WHERE q.deleted_on IS NULL AND q.status = 1 GROUP BY 1) r USING (person_id) WHERE p.qts_date IS DISTINCT FROM r.qts

-- rule: eyts_date is the earliest award of live held EYTS routes
SELECT count(*) FROM persons p LEFT JOIN (
    SELECT q.person_id, min(q.holds_from) FILTER (WHERE t.professional_status_type = 1) AS eyts
    FROM qualifications q JOIN route_to_professional_status_types t USING (route_to_professional_status_type_id)
    WHERE q.deleted_on IS NULL AND q.status = 1 GROUP BY 1) r USING (person_id) WHERE p.eyts_date IS DISTINCT FROM r.eyts

-- rule: pqts_date is the earliest award of live held PQTS routes
SELECT count(*) FROM persons p LEFT JOIN (
    SELECT q.person_id, min(q.holds_from) FILTER (WHERE t.professional_status_type = 3) AS pqts
    FROM qualifications q JOIN route_to_professional_status_types t USING (route_to_professional_status_type_id)
    WHERE q.deleted_on IS NULL AND q.status = 1 GROUP BY 1) r USING (person_id) WHERE p.pqts_date IS DISTINCT FROM r.pqts

-- rule: has_eyps says whether a live EYPS route is held
-- defect: has_eyps_wrong
-- of: SELECT count(*) FROM qualifications q JOIN route_to_professional_status_types t USING (route_to_professional_status_type_id) WHERE professional_status_type = 2
SELECT count(*) FROM persons p WHERE has_eyps <> EXISTS (
    SELECT FROM qualifications q JOIN route_to_professional_status_types t USING (route_to_professional_status_type_id)
    WHERE q.person_id = p.person_id AND q.deleted_on IS NULL AND q.status = 1 AND t.professional_status_type = 2)

-- rule: qtls_status follows the QTLS routes
SELECT count(*) FROM persons p LEFT JOIN (
    SELECT person_id, bool_or(deleted_on IS NULL) AS live FROM qualifications
    WHERE route_to_professional_status_type_id = 'be6eaf8c-92dd-4eff-aad3-1c89c4bec18c' AND status = 1 GROUP BY 1) r USING (person_id)
WHERE p.qtls_status <> CASE WHEN r.live IS NULL THEN 0 WHEN r.live THEN 2 ELSE 1 END

-- rule: nobody has two live QTLS routes, and none is from before April 2012
SELECT count(*) FROM (SELECT person_id FROM qualifications
    WHERE route_to_professional_status_type_id = 'be6eaf8c-92dd-4eff-aad3-1c89c4bec18c' AND deleted_on IS NULL
    GROUP BY 1 HAVING count(*) > 1 OR min(holds_from) < '2012-04-01') AS wrong

-- rule: holds_from is set exactly for held routes, except EYPS
SELECT count(*) FROM qualifications q JOIN route_to_professional_status_types t USING (route_to_professional_status_type_id)
WHERE (q.holds_from IS NOT NULL) <> (q.status = 1 AND t.professional_status_type <> 2)

-- rule: no award lies in the future
SELECT count(*) FROM qualifications, sandbox.world WHERE holds_from >= today

-- rule: kinds of qualification use their own columns
SELECT count(*) FROM qualifications WHERE (qualification_type = 0 AND (route_to_professional_status_type_id IS NOT NULL OR status IS NOT NULL
    OR holds_from IS NOT NULL)) OR (qualification_type = 1 AND (route_to_professional_status_type_id IS NULL OR status IS NULL
    OR mq_status IS NOT NULL OR mq_specialism IS NOT NULL OR start_date IS NOT NULL)) OR qualification_type NOT IN (0, 1)

-- rule: fields that do not apply to a route type are empty
SELECT count(*) FROM qualifications q JOIN route_to_professional_status_types t USING (route_to_professional_status_type_id)
WHERE (t.training_start_date_required = 2 AND q.training_start_date IS NOT NULL)
   OR (t.training_end_date_required = 2 AND q.training_end_date IS NOT NULL)
   OR (t.training_provider_required = 2 AND q.training_provider_id IS NOT NULL)
   OR (t.degree_type_required = 2 AND q.degree_type_id IS NOT NULL)
   OR (t.training_country_required = 2 AND q.training_country_id IS NOT NULL)
   OR (t.induction_exemption_required = 2 AND q.exempt_from_induction IS NOT NULL)

-- rule: fields that a route type requires are filled, but the provider
SELECT count(*) FROM qualifications q JOIN route_to_professional_status_types t USING (route_to_professional_status_type_id)
WHERE (t.training_start_date_required = 1 AND q.training_start_date IS NULL)
   OR (t.training_end_date_required = 1 AND q.training_end_date IS NULL)
   OR (t.degree_type_required = 1 AND q.degree_type_id IS NULL)
   OR (t.training_country_required = 1 AND q.training_country_id IS NULL)
   OR (t.training_age_specialism_type_required = 1 AND q.training_age_specialism_type IS NULL)
   OR (t.training_subjects_required = 1 AND cardinality(q.training_subject_ids) = 0)
   OR (t.induction_exemption_required = 1 AND q.status = 1 AND q.exempt_from_induction IS NULL)

-- rule: the provider is filled where a route type requires it
-- defect: route_mandatory_field_missing
-- of: SELECT count(*) FROM qualifications q JOIN route_to_professional_status_types t USING (route_to_professional_status_type_id) WHERE training_provider_required = 1 AND created_on < '2025-07-22'
SELECT count(*) FROM qualifications q JOIN route_to_professional_status_types t USING (route_to_professional_status_type_id)
WHERE t.training_provider_required = 1 AND q.training_provider_id IS NULL

-- rule: training does not end before it starts
SELECT count(*) FROM qualifications WHERE training_end_date < training_start_date

-- rule: training ends in years of four digits
-- defect: route_training_end_beyond_9999
-- of: SELECT count(*) FROM qualifications WHERE training_end_date IS NOT NULL
SELECT count(*) FROM qualifications WHERE training_end_date > '9999-12-31'

-- rule: subjects of routes exist
SELECT count(*) FROM (SELECT unnest(training_subject_ids) AS id FROM qualifications) u
WHERE NOT EXISTS (SELECT FROM training_subjects s WHERE s.training_subject_id = u.id)

-- rule: routes with DQT columns were migrated on the day of the migration
SELECT count(*) FROM qualifications WHERE qualification_type = 1
    AND (dqt_qts_registration_id IS NOT NULL OR dqt_initial_teacher_training_id IS NOT NULL OR dqt_teacher_status_value IS NOT NULL)
    AND created_on::date <> '2025-07-21'

-- rule: references of applications are unique per person
SELECT count(*) FROM (SELECT FROM qualifications WHERE source_application_user_id IS NOT NULL AND source_application_reference IS NOT NULL
    GROUP BY person_id, source_application_user_id, source_application_reference HAVING count(*) > 1) AS twice

-- rule: induction statuses other than none and exempt need QTS
SELECT count(*) FROM persons WHERE induction_status NOT IN (0, 2) AND qts_date IS NULL

-- rule: the exempt have a source of exemption, the others have none but what outranks it
WITH facts AS (
    SELECT p.*, cardinality(induction_exemption_reason_ids) > 0 OR induction_exempt_without_reason OR EXISTS (
        SELECT FROM qualifications q WHERE q.person_id = p.person_id AND q.deleted_on IS NULL AND q.status = 1
            AND (q.exempt_from_induction OR q.exempt_from_induction_due_to_qts_date)) AS exempt FROM persons p)
SELECT count(*) FROM facts WHERE (induction_status = 2 AND NOT exempt) OR (induction_status IN (0, 1, 3, 6) AND exempt)

-- rule: person-level reasons stand only on the exempt
SELECT count(*) FROM persons WHERE induction_status <> 2 AND (cardinality(induction_exemption_reason_ids) > 0 OR induction_exempt_without_reason)

-- rule: reasons that only routes give are on no person
SELECT count(*) FROM (SELECT unnest(induction_exemption_reason_ids) AS id FROM persons) u
JOIN induction_exemption_reasons r ON r.induction_exemption_reason_id = u.id WHERE r.route_only_exemption

-- rule: exemption by date is marked on held QTS routes from before 7 May 2000
SELECT count(*) FROM qualifications q JOIN route_to_professional_status_types t USING (route_to_professional_status_type_id)
WHERE t.professional_status_type = 0 AND q.status = 1 AND q.exempt_from_induction_due_to_qts_date IS DISTINCT FROM (q.holds_from < '2000-05-07')

-- rule: the status without exemption is the status of those who are not exempt
SELECT count(*) FROM persons WHERE induction_status <> 2 AND induction_status_without_exemption <> induction_status

-- rule: the status without exemption of the exempt is never passed, failed or exempt
SELECT count(*) FROM persons WHERE induction_status = 2 AND (induction_status_without_exemption IN (2, 4, 5)
    OR (qts_date IS NULL AND induction_status_without_exemption <> 0)
    OR (qts_date >= '2000-05-07' AND induction_status_without_exemption = 0)
    OR (qts_date < '2000-05-07' AND induction_status_without_exemption = 1))

-- rule: inductions that have begun have a start date
-- defect: induction_start_missing
-- of: SELECT count(*) FROM persons WHERE induction_status IN (3, 4, 5, 6) AND dqt_induction_last_sync IS NOT NULL
SELECT count(*) FROM persons WHERE induction_status IN (3, 4, 5, 6) AND induction_start_date IS NULL

-- rule: inductions that were passed or failed have a completed date
-- defect: induction_completed_missing
-- of: SELECT count(*) FROM persons WHERE induction_status IN (4, 5) AND dqt_induction_last_sync IS NOT NULL
SELECT count(*) FROM persons WHERE induction_status IN (4, 5, 6) AND induction_completed_date IS NULL

-- rule: induction dates stand only where the status has them
SELECT count(*) FROM persons WHERE (induction_status_without_exemption NOT IN (3, 4, 5, 6) AND induction_start_date IS NOT NULL)
    OR (induction_status_without_exemption NOT IN (4, 5, 6) AND induction_completed_date IS NOT NULL)

-- rule: induction begins on 7 May 1999 or later, after QTS, and ends after it begins and not in the future
SELECT count(*) FROM persons, sandbox.world WHERE induction_start_date < '1999-05-07' OR induction_start_date < qts_date
    OR induction_completed_date <= induction_start_date OR induction_completed_date >= today

-- rule: the early-career service sets only its statuses
SELECT count(*) FROM persons WHERE cpd_induction_modified_on IS NOT NULL AND induction_status_without_exemption NOT IN (1, 3, 4, 5)

-- rule: alerts have a start date
-- defect: alert_start_missing
-- of: SELECT count(*) FROM alerts WHERE created_on < '2024-11-12'
SELECT count(*) FROM alerts WHERE start_date IS NULL

-- rule: alerts end after they start
-- defect: alert_end_before_start
-- of: SELECT count(*) FROM alerts WHERE created_on < '2024-11-12' AND end_date IS NOT NULL
SELECT count(*) FROM alerts WHERE end_date <= start_date

-- rule: alerts start in living memory
-- defect: alert_start_before_1753
-- of: SELECT count(*) FROM alerts WHERE created_on < '2024-11-12'
SELECT count(*) FROM alerts WHERE start_date < '1753-01-01'

-- rule: alerts entered by hand have a start, and no date in the future
SELECT count(*) FROM alerts, sandbox.world WHERE start_date >= today OR (end_date >= today AND end_date <> '9999-12-31')
    OR (created_on >= '2024-11-12' AND start_date >= '2024-11-12' AND end_date <= start_date)

-- rule: alert types out of use occur only on alerts of DQT's time
SELECT count(*) FROM alerts a JOIN alert_types t USING (alert_type_id) WHERE NOT t.is_active AND a.created_on >= '2024-11-12'

-- rule: every alert type occurs
SELECT count(*) FROM alert_types t WHERE NOT EXISTS (SELECT FROM alerts a WHERE a.alert_type_id = t.alert_type_id)

-- rule: employment keys have their form
SELECT count(*) FROM tps_employments e JOIN persons p USING (person_id)
WHERE e.key !~ '^\d{7}\.\d{3}\.(\d{4}|NULL)\.\d{8}$' OR split_part(e.key, '.', 1) <> p.trn OR split_part(e.key, '.', 4) <> to_char(e.start_date, 'YYYYMMDD')

-- rule: employment keys name the establishment
SELECT count(*) FROM tps_employments e JOIN establishments s USING (establishment_id)
WHERE split_part(e.key, '.', 2) <> s.la_code OR split_part(e.key, '.', 3) <> coalesce(s.establishment_number, 'NULL')

-- rule: employments are with the preferred establishment of their code
SELECT count(*) FROM tps_employments e JOIN establishments s USING (establishment_id)
WHERE s.establishment_number IS NOT NULL AND EXISTS (
    SELECT FROM establishments o WHERE o.la_code = s.la_code AND o.establishment_number = s.establishment_number
        AND (array_position(ARRAY[1, 3, 2, 4], o.establishment_status_code) < array_position(ARRAY[1, 3, 2, 4], s.establishment_status_code)
             OR (o.establishment_status_code = s.establishment_status_code AND o.urn > s.urn)
             OR (s.establishment_source_id = 2 AND o.establishment_source_id = 1)))

-- rule: one employment per key
-- defect: employment_key_duplicated
-- of: SELECT count(*) FROM tps_employments
SELECT count(*) - count(DISTINCT key) FROM tps_employments

-- rule: the number of an employment is the person's
-- defect: employment_nino_differs
-- of: SELECT count(*) FROM tps_employments
SELECT count(*) FROM tps_employments e JOIN persons p USING (person_id)
WHERE upper(p.national_insurance_number::text) <> e.national_insurance_number::text AND p.merged_with_person_id IS NULL

-- rule: the last known date is not after the extract
SELECT count(*) FROM tps_employments WHERE last_known_tps_employed_date > last_extract_date OR start_date > last_extract_date

-- rule: employments are ended by withdrawal or after five months
SELECT count(*) FROM tps_employments WHERE end_date IS NULL AND (withdrawal_confirmed
    OR last_known_tps_employed_date + interval '5 months' < (SELECT max(last_extract_date) FROM tps_employments))

-- rule: employments without withdrawal are not ended within five months
SELECT count(*) FROM tps_employments WHERE end_date IS NOT NULL AND NOT withdrawal_confirmed
    AND last_known_tps_employed_date + interval '5 months' >= (SELECT max(last_extract_date) FROM tps_employments)

-- rule: extracts are of the 25th
SELECT count(*) FROM tps_employments WHERE extract(day FROM last_extract_date) <> 25

-- rule: typed items are those without errors
SELECT count(*) FROM tps_csv_extract_load_items l LEFT JOIN tps_csv_extract_items i USING (tps_csv_extract_load_item_id)
WHERE (l.errors = 0) <> (i.tps_csv_extract_item_id IS NOT NULL)

-- rule: every error bit that is ever raised occurs
SELECT 14 - count(*) FROM (VALUES (1), (2), (4), (8), (32), (64), (128), (1024), (2048), (4096), (8192), (16384), (32768), (65536)) AS b (bit)
WHERE EXISTS (SELECT FROM tps_csv_extract_load_items WHERE errors & bit <> 0)

-- rule: results of items show whether person and establishment are known
SELECT count(*) FROM tps_csv_extract_items i WHERE (result = 3) <> NOT EXISTS (SELECT FROM persons p WHERE p.trn = i.trn)
    OR (result = 4 AND local_authority_code <> '999') OR result NOT BETWEEN 0 AND 4 OR result IS NULL

-- rule: accepted items have their employment, with the type and extract date of the newest one
SELECT count(*) FROM tps_csv_extract_items i WHERE result IN (0, 1, 2) AND NOT EXISTS (
    SELECT FROM tps_employments e WHERE e.key = i.key AND e.employment_type = i.employment_type AND e.last_extract_date >= i.extract_date)

-- rule: items are what the load items say
SELECT count(*) FROM tps_csv_extract_items i JOIN tps_csv_extract_load_items l USING (tps_csv_extract_load_item_id)
WHERE i.trn <> l.trn OR to_char(i.employment_start_date, 'DD/MM/YYYY') <> l.employment_start_date OR to_char(i.employment_end_date, 'DD/MM/YYYY') <> l.employment_end_date

-- rule: employments of the newest extract follow from its items
SELECT count(*) FROM tps_csv_extract_items i JOIN tps_employments e ON e.key = i.key AND e.last_extract_date = i.extract_date
WHERE i.result IN (1, 2) AND (e.last_known_tps_employed_date <> least(i.employment_end_date, i.extract_date)
    OR e.withdrawal_confirmed <> (i.withdrawal_indicator IS NOT NULL)
    OR (e.end_date IS DISTINCT FROM CASE WHEN i.withdrawal_indicator = 'W'
            OR least(i.employment_end_date, i.extract_date) + interval '5 months' < i.extract_date THEN i.employment_end_date END
        AND e.end_date IS DISTINCT FROM e.last_known_tps_employed_date))

-- rule: support tasks have an outcome of their type exactly when closed
SELECT count(*) FROM support_tasks WHERE (status = 1) <> (outcome IS NOT NULL) OR (status = 1) <> (completed_on IS NOT NULL)
    OR NOT coalesce(outcome = ANY(CASE support_task_type WHEN 1 THEN '{11,12,13}'::int[] WHEN 2 THEN '{1,2,3}' WHEN 3 THEN '{4,5,6}' WHEN 4 THEN '{14,15}'
        WHEN 5 THEN '{19,20,21}' WHEN 6 THEN '{16}' WHEN 7 THEN '{17,18}' WHEN 8 THEN '{7,8,9,10}' END), true)

-- rule: a support task is closed by the process of its outcome
SELECT count(*) FROM support_tasks t
JOIN process_events e ON e.support_task_references @> ARRAY[t.support_task_reference::text] AND e.event_name = 'SupportTaskUpdatedEvent'
JOIN processes p USING (process_id)
WHERE p.process_type <> (ARRAY[30, 57, 59, 31, 58, 60, 23, 23, 23, 23, 34, 34, 34, 16, 16, 20, 21, 22, 18, 18, 19])[t.outcome]

-- rule: events of the older store about a support task mirror one of the newer store
SELECT count(*) FROM events e JOIN support_tasks t ON t.support_task_reference = e.payload -> 'SupportTask' ->> 'SupportTaskReference'
WHERE NOT EXISTS (SELECT FROM process_events p WHERE p.process_event_id = e.event_id)

-- rule: a created person and a changed status are in both stores
SELECT count(*) FROM process_events p WHERE event_name IN ('PersonCreatedEvent', 'PersonDeactivatedEvent', 'PersonReactivatedEvent')
    AND NOT EXISTS (SELECT FROM events e WHERE e.event_id = p.process_event_id)

-- rule: reasons are the words that staff see
SELECT count(*) FROM processes WHERE change_reason ->> 'Reason' ~ '^[A-Z][a-z]+[A-Z]'

-- rule: data of tasks in events is an object of the task's type
SELECT count(*) FROM process_events WHERE event_name = 'SupportTaskCreatedEvent'
    AND payload -> 'SupportTask' -> 'Data' ->> '$support-task-type' IS DISTINCT FROM payload -> 'SupportTask' ->> 'SupportTaskType'

-- rule: verified names are lists of parts
SELECT count(*) FROM support_tasks WHERE support_task_type = 1 AND jsonb_typeof(data -> 'VerifiedNames' -> 0) IS DISTINCT FROM 'array'

-- rule: support tasks of every type come in every status
SELECT 24 - count(DISTINCT (support_task_type, status)) FROM support_tasks

-- rule: mandatory qualifications that were passed have an end date
SELECT count(*) FROM qualifications WHERE mq_status = 1 AND end_date IS NULL

-- rule: events of both stores with one id are the same event
SELECT count(*) FROM events e JOIN process_events p ON p.process_event_id = e.event_id WHERE e.created <> p.created_on
    OR NOT p.person_ids <@ e.person_ids

-- rule: the id in the payload is the event's
SELECT (SELECT count(*) FROM events WHERE payload ->> 'EventId' <> event_id::text)
     + (SELECT count(*) FROM process_events WHERE payload ->> 'EventId' <> process_event_id::text)

-- rule: process events have their process
SELECT count(*) FROM process_events e WHERE NOT EXISTS (SELECT FROM processes p WHERE p.process_id = e.process_id)

-- rule: persons of events exist
SELECT count(*) FROM (SELECT unnest(person_ids) AS id FROM events UNION SELECT unnest(person_ids) FROM process_events) u
WHERE NOT EXISTS (SELECT FROM persons p WHERE p.person_id = u.id)

-- rule: nothing happens today or later
SELECT (SELECT count(*) FROM persons, sandbox.world WHERE updated_on >= today OR created_on >= today OR created_on > updated_on)
     + (SELECT count(*) FROM qualifications, sandbox.world WHERE updated_on >= today OR created_on > updated_on OR deleted_on >= today)
     + (SELECT count(*) FROM alerts, sandbox.world WHERE updated_on >= today OR created_on > updated_on)
     + (SELECT count(*) FROM previous_names, sandbox.world WHERE updated_on >= today OR created_on > updated_on)
     + (SELECT count(*) FROM tps_employments, sandbox.world WHERE updated_on >= today OR created_on > updated_on)
     + (SELECT count(*) FROM support_tasks, sandbox.world WHERE updated_on >= today OR created_on > updated_on)
     + (SELECT count(*) FROM trn_request_metadata, sandbox.world WHERE created_on >= today)
     + (SELECT count(*) FROM notes, sandbox.world WHERE created_on >= today OR updated_on >= today)
     + (SELECT count(*) FROM events, sandbox.world WHERE created >= today)
     + (SELECT count(*) FROM process_events, sandbox.world WHERE created_on >= today)

-- rule: header counts of the ledger agree with its records
SELECT count(*) FROM integration_transactions t LEFT JOIN (
    SELECT integration_transaction_id AS id, count(*) AS total, count(*) FILTER (WHERE status = 0 AND duplicate IS NOT TRUE) AS good,
           count(*) FILTER (WHERE status = 1) AS bad, count(*) FILTER (WHERE status = 2) AS warned, count(*) FILTER (WHERE duplicate) AS twice
    FROM integration_transaction_records GROUP BY 1) r ON r.id = t.integration_transaction_id
WHERE (t.total_count, t.success_count, t.failure_count, t.warning_count, t.duplicate_count)
    IS DISTINCT FROM (coalesce(r.total, 0), coalesce(r.good, 0), coalesce(r.bad, 0), coalesce(r.warned, 0), coalesce(r.twice, 0))

-- rule: search columns are what the triggers write
WITH sample AS (SELECT * FROM persons ORDER BY person_id LIMIT 3000)
SELECT count(*) FROM sample p
LEFT JOIN LATERAL (SELECT array_agg(concat_ws(' ', first_name, middle_name, last_name) ORDER BY created_on, previous_name_id) AS words,
        array_agg(last_name::text ORDER BY created_on, previous_name_id) AS lasts
    FROM previous_names n WHERE n.person_id = p.person_id AND n.deleted_on IS NULL) n ON true
LEFT JOIN LATERAL (SELECT array_agg(national_insurance_number::text ORDER BY created_on, tps_employment_id) AS numbers
    FROM tps_employments e WHERE e.person_id = p.person_id AND national_insurance_number IS NOT NULL) e ON true
WHERE p.names::text[] IS DISTINCT FROM fn_distinct_in_order(fn_split_names(p.first_name, p.middle_name, p.last_name)
        || fn_split_names(VARIADIC coalesce(n.words, '{}')))
   OR p.last_names::text[] IS DISTINCT FROM fn_distinct_in_order(p.last_name::text || coalesce(n.lasts, '{}'))
   OR p.national_insurance_numbers::text[] IS DISTINCT FROM fn_distinct_in_order(
        coalesce(p.national_insurance_number::text, '') || coalesce(e.numbers, '{}'))

-- rule: words of task subjects are what the trigger writes
SELECT count(*) FROM support_tasks WHERE subject_names::text[] IS DISTINCT FROM fn_distinct_in_order(fn_split_names(coalesce(subject_name, '')))

-- rule: enough payloads are too long for a page
SELECT CASE WHEN count(*) >= 10 THEN 0 ELSE 1 END FROM process_events WHERE octet_length(payload::text) > 8192

-- rule: some events were inserted at minus infinity, and a key expires at infinity
SELECT CASE WHEN EXISTS (SELECT FROM events WHERE inserted = '-infinity') AND EXISTS (SELECT FROM api_keys WHERE expires = 'infinity') THEN 0 ELSE 1 END
