{#
    Written by `make docs` from `as_at` of each table in replication/trs.yml; edit that, not this. dbt reads no file but
    its own, and a seed could not be read before it is built, nor without a database.
#}
{% macro as_at_rules() %}
alert_categories: {key: [alert_category_id], since: first_copy}
alert_types: {key: [alert_type_id], since: first_copy}
alerts: {key: [alert_id], from: start_date, to: end_date, undated: always, removed: deleted_on}
countries: {key: [country_id], since: first_copy}
degree_types: {key: [degree_type_id], since: first_copy}
emails: {key: [email_id], since: sent_on}
establishment_sources: {key: [establishment_source_id], since: first_copy}
establishments: {key: [establishment_id], since: first_copy}
events: {key: [event_id], since: created}
induction_exemption_reasons: {key: [induction_exemption_reason_id], since: first_copy}
induction_statuses: {key: [induction_status], since: first_copy}
integration_transaction_records: {key: [integration_transaction_record_id], since: created_date}
integration_transactions: {key: [integration_transaction_id], since: created_date}
mandatory_qualification_providers: {key: [mandatory_qualification_provider_id], since: first_copy}
notes: {key: [note_id], since: created_on}
one_login_users: {key: [subject], since: recorded}
persons: {key: [person_id], since: created_on, removed: deleted_on}
previous_names: {key: [previous_name_id], since: created_on, removed: deleted_on}
process_events: {key: [process_event_id], since: created_on}
processes: {key: [process_id], since: created_on}
qualifications: {key: [qualification_id], from: [holds_from, end_date], undated: recorded, since: created_on, removed: deleted_on}
route_migration_report_items: {key: [route_migration_report_item_id], since: created_on}
route_to_professional_status_types: {key: [route_to_professional_status_type_id], since: first_copy}
support_task_notes: {key: [support_task_note_id], since: created_on}
support_task_types: {key: [support_task_type], since: first_copy}
support_tasks: {key: [support_task_reference], since: created_on, removed: deleted_on}
tps_csv_extract_items: {key: [tps_csv_extract_item_id], since: created}
tps_csv_extract_load_items: {key: [tps_csv_extract_load_item_id], since: created}
tps_csv_extracts: {key: [tps_csv_extract_id], since: created_on}
tps_employments: {key: [tps_employment_id], from: start_date, to: end_date}
tps_establishment_types: {key: [tps_establishment_type_id], since: first_copy}
tps_establishments: {key: [tps_establishment_id], since: first_copy}
training_providers: {key: [training_provider_id], since: first_copy}
training_subjects: {key: [training_subject_id], since: first_copy}
trn_request_metadata: {key: [application_user_id, request_id], since: created_on}
users: {key: [user_id], since: recorded}
{% endmacro %}
