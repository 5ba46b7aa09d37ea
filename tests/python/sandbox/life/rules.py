"""The rules that daily work must keep, each as a query that finds what breaks it."""

from __future__ import annotations

# People whose routes or induction changed while the world lived; what came before may hold old defects.
_TOUCHED = """
    touched AS (
        SELECT DISTINCT e.person_id FROM events e, sandbox.world w
        WHERE e.created >= w.started_on + 1 AND e.person_id IS NOT NULL
          AND (e.event_name LIKE 'Route%' OR e.event_name = 'PersonInductionUpdatedEvent')
    )
"""
_HELD = """
    held AS (
        SELECT q.*, r.professional_status_type AS kind
        FROM qualifications q JOIN route_to_professional_status_types r USING (route_to_professional_status_type_id)
        WHERE q.qualification_type = 1 AND q.deleted_on IS NULL AND q.status = 1
    )
"""

RULES: dict[str, str] = {
    "dates of statuses are those of the routes held": f"""
        WITH {_TOUCHED}, {_HELD}
        SELECT p.person_id FROM persons p JOIN touched USING (person_id)
        WHERE p.qts_date IS DISTINCT FROM
              (SELECT min(holds_from) FROM held h WHERE h.person_id = p.person_id AND kind = 0)
           OR p.eyts_date IS DISTINCT FROM
              (SELECT min(holds_from) FROM held h WHERE h.person_id = p.person_id AND kind = 1)
           OR p.pqts_date IS DISTINCT FROM
              (SELECT min(holds_from) FROM held h WHERE h.person_id = p.person_id AND kind = 3)
           OR p.has_eyps <> EXISTS (SELECT FROM held h WHERE h.person_id = p.person_id AND kind = 2)
    """,
    "QTLS status follows the routes": f"""
        WITH {_TOUCHED}, {_HELD}, member AS (
            SELECT person_id, bool_or(deleted_on IS NULL AND status = 1) AS live
            FROM qualifications
            WHERE route_to_professional_status_type_id = 'be6eaf8c-92dd-4eff-aad3-1c89c4bec18c' GROUP BY person_id
        )
        SELECT p.person_id FROM persons p JOIN touched USING (person_id) LEFT JOIN member USING (person_id)
        WHERE p.qtls_status <> CASE WHEN live THEN 2 WHEN live IS NOT NULL THEN 1 ELSE 0 END
    """,
    "at most one live QTLS route": """
        SELECT person_id FROM qualifications
        WHERE route_to_professional_status_type_id = 'be6eaf8c-92dd-4eff-aad3-1c89c4bec18c'
          AND deleted_on IS NULL AND status = 1
        GROUP BY person_id HAVING count(*) > 1
    """,
    "a route has a date exactly when it is held": """
        SELECT q.qualification_id
        FROM qualifications q JOIN route_to_professional_status_types r USING (route_to_professional_status_type_id)
        CROSS JOIN sandbox.world w
        WHERE q.updated_on >= w.started_on + 1
          AND (q.holds_from IS NOT NULL) <> (q.status = 1 AND r.professional_status_type <> 2)
    """,
    "route fields fit the route type": """
        SELECT q.qualification_id
        FROM qualifications q JOIN route_to_professional_status_types r USING (route_to_professional_status_type_id)
        CROSS JOIN sandbox.world w
        WHERE q.created_on >= w.started_on + 1
          AND ((r.training_start_date_required = 1 AND q.training_start_date IS NULL)
            OR (r.training_start_date_required = 2 AND q.training_start_date IS NOT NULL)
            OR (r.degree_type_required = 1 AND q.degree_type_id IS NULL)
            OR (r.degree_type_required = 2 AND q.degree_type_id IS NOT NULL)
            OR (r.training_provider_required = 2 AND q.training_provider_id IS NOT NULL)
            OR (r.training_country_required = 1 AND q.training_country_id IS NULL)
            OR (r.training_subjects_required = 1 AND q.training_subject_ids = '{}')
            OR (r.induction_exemption_required = 2 AND q.exempt_from_induction))
    """,
    "induction without exemption follows QTS": f"""
        WITH {_TOUCHED}, {_HELD}
        SELECT p.person_id FROM persons p JOIN touched USING (person_id)
        WHERE (p.qts_date IS NULL AND p.induction_status_without_exemption NOT IN (0, 2))
           OR (p.qts_date IS NOT NULL AND p.induction_status_without_exemption = 0 AND NOT EXISTS (
                SELECT FROM held h WHERE h.person_id = p.person_id AND h.exempt_from_induction_due_to_qts_date))
    """,
    "exempt exactly when something exempts and nothing higher stands": f"""
        WITH {_TOUCHED}, {_HELD}
        SELECT p.person_id FROM persons p JOIN touched USING (person_id)
        WHERE p.induction_status <> CASE
            WHEN p.induction_status_without_exemption NOT IN (4, 5) AND (
                p.induction_exemption_reason_ids <> '{{}}' OR p.induction_exempt_without_reason
                OR EXISTS (SELECT FROM held h WHERE h.person_id = p.person_id
                           AND (h.exempt_from_induction OR h.exempt_from_induction_due_to_qts_date)))
            THEN 2 ELSE p.induction_status_without_exemption END
    """,
    "induction dates fit the status": f"""
        WITH {_TOUCHED}
        SELECT p.person_id FROM persons p JOIN touched USING (person_id) CROSS JOIN sandbox.world w
        WHERE p.induction_modified_on >= w.started_on + 1
          AND ((p.induction_status IN (3, 4, 5, 6) AND p.induction_start_date IS NULL)
            OR (p.induction_status IN (4, 5, 6)
                AND (p.induction_completed_date IS NULL OR p.induction_completed_date < p.induction_start_date))
            OR p.induction_start_date < date '1999-05-07'
            OR (p.induction_exemption_reason_ids <> '{{}}' AND p.induction_status <> 2))
    """,
    "a merged record is deactivated, points to another and keeps no account": """
        SELECT p.person_id FROM persons p
        WHERE p.merged_with_person_id IS NOT NULL
          AND (p.status <> 1 OR p.merged_with_person_id = p.person_id
            OR EXISTS (SELECT FROM one_login_users o WHERE o.person_id = p.person_id))
    """,
    "only the deactivated have died": "SELECT person_id FROM persons WHERE date_of_death IS NOT NULL AND status = 0",
    "TRNs and NINOs are well formed": """
        SELECT p.person_id FROM persons p, sandbox.world w
        WHERE p.trn !~ '^[0-9]{7}$' OR (p.created_on >= w.started_on + 1 AND p.national_insurance_number !~
            '^([A-CEGHJ-PQR-TW-Z][A-CEGHJ-NPQR-TW-Z][0-9]{6}[A-DFMU]|[0-9]{2}[A-Z][0-9]{5} ?)$')
    """,
    "an alert ends after its start and not in the future": """
        SELECT a.alert_id FROM alerts a, sandbox.world w
        WHERE a.updated_on >= w.started_on + 1
          AND (a.start_date > w.today OR a.end_date > w.today OR a.end_date <= a.start_date)
    """,
    "a closed task has an outcome of its type, an open one has none": """
        SELECT t.support_task_reference FROM support_tasks t, sandbox.world w
        WHERE t.updated_on >= w.started_on + 1 AND CASE WHEN t.status = 1
            THEN t.completed_on IS NULL OR t.completed_by_user_id IS NULL OR t.outcome IS NULL OR t.outcome NOT BETWEEN
                (ARRAY[11, 1, 4, 14, 19, 16, 17, 7])[t.support_task_type]
                AND (ARRAY[13, 3, 6, 15, 21, 16, 18, 10])[t.support_task_type]
            ELSE t.outcome IS NOT NULL OR t.completed_on IS NOT NULL END
    """,
    "an answered request knows its person": """
        SELECT r.request_id FROM trn_request_metadata r WHERE r.status = 1
          AND NOT EXISTS (SELECT FROM persons p WHERE p.person_id = r.resolved_person_id)
    """,
    "a new record's origin is a request": """
        SELECT p.person_id FROM persons p, sandbox.world w
        WHERE p.created_on >= w.started_on + 1 AND p.source_trn_request_id IS NOT NULL
          AND NOT EXISTS (SELECT FROM trn_request_metadata r WHERE r.application_user_id = p.source_application_user_id
                          AND r.request_id = p.source_trn_request_id)
    """,
    "only lines without mistakes are staged, and all of them": """
        SELECT l.tps_csv_extract_load_item_id
        FROM tps_csv_extract_load_items l
        JOIN tps_csv_extracts x USING (tps_csv_extract_id)
        LEFT JOIN tps_csv_extract_items i ON i.tps_csv_extract_load_item_id = l.tps_csv_extract_load_item_id
        CROSS JOIN sandbox.world w
        WHERE x.created_on >= w.started_on + 1 AND (l.errors = 0) <> (i.tps_csv_extract_item_id IS NOT NULL)
    """,
    "every staged line has the result that the rules give": """
        SELECT i.tps_csv_extract_item_id
        FROM tps_csv_extract_items i JOIN tps_csv_extracts x USING (tps_csv_extract_id) CROSS JOIN sandbox.world w
        WHERE x.created_on >= w.started_on + 1
          AND (i.result IS NULL
            OR (i.result = 3) <> NOT EXISTS (SELECT FROM persons p WHERE p.trn = i.trn)
            OR (i.result IN (0, 1, 2)) <> EXISTS (SELECT FROM tps_employments t WHERE t.key = i.key))
    """,
    "an employment is as its latest line says": """
        SELECT t.tps_employment_id
        FROM tps_employments t JOIN tps_csv_extract_items i USING (key)
        JOIN tps_csv_extracts x USING (tps_csv_extract_id)
        CROSS JOIN sandbox.world w
        WHERE x.created_on >= w.started_on + 1 AND i.extract_date = t.last_extract_date
          -- Ageing may end it later without a line.
          AND t.updated_on::date = x.created_on::date
          -- Of two lines for a key in one file only the second counts.
          AND 1 = (SELECT count(*) FROM tps_csv_extract_items j WHERE j.key = i.key AND j.extract_date = i.extract_date)
          AND (t.last_known_tps_employed_date <> least(i.employment_end_date, i.extract_date)
            OR t.employment_type <> i.employment_type
            OR t.withdrawal_confirmed <> (i.withdrawal_indicator IS NOT DISTINCT FROM 'W')
            OR t.end_date IS DISTINCT FROM CASE
                WHEN i.withdrawal_indicator = 'W'
                  OR least(i.employment_end_date, i.extract_date) < i.extract_date - interval '5 months'
                THEN i.employment_end_date END)
    """,
    "one employment for a key": "SELECT key FROM tps_employments GROUP BY key HAVING count(*) > 1",
    "the ledger of files counts its records": """
        SELECT t.integration_transaction_id
        FROM integration_transactions t LEFT JOIN integration_transaction_records r USING (integration_transaction_id)
        CROSS JOIN sandbox.world w
        WHERE t.created_date >= w.started_on + 1
        GROUP BY t.integration_transaction_id
        HAVING t.total_count <> count(r.status) OR t.failure_count <> count(*) FILTER (WHERE r.status = 1)
            OR t.total_count <> t.success_count + t.warning_count + t.failure_count + t.duplicate_count
    """,
    "a process names everybody in its events": """
        SELECT p.process_id FROM processes p JOIN process_events e USING (process_id) CROSS JOIN sandbox.world w
        WHERE p.created_on >= w.started_on + 1
          AND NOT (p.person_ids @> e.person_ids AND p.support_task_references @> e.support_task_references
                   AND p.one_login_user_subjects @> e.one_login_user_subjects::text[])
    """,
    "what was rolled back left nothing": "SELECT person_id FROM persons WHERE email_address = 'undone@example.org'",
    "nothing is dated outside the days lived": """
        SELECT e.event_id FROM events e, sandbox.world w WHERE e.created >= w.today + 1
        UNION ALL SELECT p.process_id FROM processes p, sandbox.world w WHERE p.updated_on >= w.today + 1
    """,
}
