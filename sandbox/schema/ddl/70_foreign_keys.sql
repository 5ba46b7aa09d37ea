-- Foreign keys. Kept apart from the tables so that tables may refer to each other in circles.

ALTER TABLE alert_types ADD CONSTRAINT fk_alert_types_alert_category
    FOREIGN KEY (alert_category_id) REFERENCES alert_categories (alert_category_id) ON DELETE CASCADE;
ALTER TABLE route_to_professional_status_types ADD CONSTRAINT fk_route_to_professional_status_induction_exemption_reason
    FOREIGN KEY (induction_exemption_reason_id) REFERENCES induction_exemption_reasons (induction_exemption_reason_id);
ALTER TABLE persons ADD CONSTRAINT fk_persons_persons_merged_with_person_id
    FOREIGN KEY (merged_with_person_id) REFERENCES persons (person_id);
ALTER TABLE persons ADD CONSTRAINT fk_persons_induction_statuses_induction_status
    FOREIGN KEY (induction_status) REFERENCES induction_statuses (induction_status) ON DELETE CASCADE;
ALTER TABLE persons ADD CONSTRAINT fk_persons_trn_request_metadata_source_application_user_id_sou
    FOREIGN KEY (source_application_user_id, source_trn_request_id) REFERENCES trn_request_metadata (application_user_id, request_id);
ALTER TABLE previous_names ADD CONSTRAINT fk_previous_names_person
    FOREIGN KEY (person_id) REFERENCES persons (person_id) ON DELETE CASCADE;
ALTER TABLE qualifications ADD CONSTRAINT fk_qualifications_person
    FOREIGN KEY (person_id) REFERENCES persons (person_id) ON DELETE CASCADE;
ALTER TABLE qualifications ADD CONSTRAINT fk_qualifications_mandatory_qualification_provider
    FOREIGN KEY (mq_provider_id) REFERENCES mandatory_qualification_providers (mandatory_qualification_provider_id);
ALTER TABLE qualifications ADD CONSTRAINT fk_qualifications_route_to_professional_status_types_route_to_
    FOREIGN KEY (route_to_professional_status_type_id) REFERENCES route_to_professional_status_types (route_to_professional_status_type_id) ON DELETE CASCADE;
ALTER TABLE qualifications ADD CONSTRAINT fk_qualifications_users_source_application_user_id
    FOREIGN KEY (source_application_user_id) REFERENCES users (user_id);
ALTER TABLE qualifications ADD CONSTRAINT fk_qualifications_countries_training_country_id
    FOREIGN KEY (training_country_id) REFERENCES countries (country_id);
ALTER TABLE qualifications ADD CONSTRAINT fk_qualifications_training_providers_training_provider_id
    FOREIGN KEY (training_provider_id) REFERENCES training_providers (training_provider_id);
ALTER TABLE qualifications ADD CONSTRAINT fk_qualifications_degree_types_degree_type_id
    FOREIGN KEY (degree_type_id) REFERENCES degree_types (degree_type_id);
ALTER TABLE alerts ADD CONSTRAINT fk_alerts_alert_type
    FOREIGN KEY (alert_type_id) REFERENCES alert_types (alert_type_id) ON DELETE CASCADE;
ALTER TABLE alerts ADD CONSTRAINT fk_alerts_person
    FOREIGN KEY (person_id) REFERENCES persons (person_id) ON DELETE CASCADE;
ALTER TABLE notes ADD CONSTRAINT fk_notes_persons_person_id
    FOREIGN KEY (person_id) REFERENCES persons (person_id) ON DELETE CASCADE;
ALTER TABLE notes ADD CONSTRAINT fk_notes_users_created_by_user_id
    FOREIGN KEY (created_by_user_id) REFERENCES users (user_id);
ALTER TABLE trn_request_metadata ADD CONSTRAINT fk_trn_request_metadata_application_users_application_user_id
    FOREIGN KEY (application_user_id) REFERENCES users (user_id) ON DELETE CASCADE;
ALTER TABLE one_login_users ADD CONSTRAINT fk_one_login_users_persons_person_id
    FOREIGN KEY (person_id) REFERENCES persons (person_id);
ALTER TABLE one_login_users ADD CONSTRAINT fk_one_login_users_application_users_verified_by_application_u
    FOREIGN KEY (verified_by_application_user_id) REFERENCES users (user_id);
ALTER TABLE support_tasks ADD CONSTRAINT fk_support_tasks_support_task_types_support_task_type
    FOREIGN KEY (support_task_type) REFERENCES support_task_types (support_task_type) ON DELETE CASCADE;
ALTER TABLE support_tasks ADD CONSTRAINT fk_support_tasks_one_login_users_one_login_user_subject
    FOREIGN KEY (one_login_user_subject) REFERENCES one_login_users (subject);
ALTER TABLE support_tasks ADD CONSTRAINT fk_support_tasks_person
    FOREIGN KEY (person_id) REFERENCES persons (person_id);
ALTER TABLE support_tasks ADD CONSTRAINT fk_support_tasks_trn_request_metadata_trn_request_application_
    FOREIGN KEY (trn_request_application_user_id, trn_request_id) REFERENCES trn_request_metadata (application_user_id, request_id);
ALTER TABLE support_tasks ADD CONSTRAINT fk_support_tasks_users_assigned_to_user_id
    FOREIGN KEY (assigned_to_user_id) REFERENCES users (user_id);
ALTER TABLE support_tasks ADD CONSTRAINT fk_support_tasks_users_completed_by_user_id
    FOREIGN KEY (completed_by_user_id) REFERENCES users (user_id);
ALTER TABLE support_tasks ADD CONSTRAINT fk_support_tasks_application_users_source_application_user_id
    FOREIGN KEY (source_application_user_id) REFERENCES users (user_id);
ALTER TABLE support_task_notes ADD CONSTRAINT fk_support_task_notes_support_tasks_support_task_reference
    FOREIGN KEY (support_task_reference) REFERENCES support_tasks (support_task_reference) ON DELETE CASCADE;
ALTER TABLE support_task_notes ADD CONSTRAINT fk_support_task_notes_users_created_by_user_id
    FOREIGN KEY (created_by_user_id) REFERENCES users (user_id) ON DELETE CASCADE;
ALTER TABLE tps_csv_extract_items ADD CONSTRAINT fk_tps_csv_extract_items_tps_csv_extract_id
    FOREIGN KEY (tps_csv_extract_id) REFERENCES tps_csv_extracts (tps_csv_extract_id) ON DELETE CASCADE;
ALTER TABLE tps_employments ADD CONSTRAINT fk_tps_employments_establishment_id
    FOREIGN KEY (establishment_id) REFERENCES establishments (establishment_id) ON DELETE CASCADE;
ALTER TABLE processes ADD CONSTRAINT fk_processes_users_user_id
    FOREIGN KEY (user_id) REFERENCES users (user_id);
ALTER TABLE api_keys ADD CONSTRAINT fk_api_key_application_user
    FOREIGN KEY (application_user_id) REFERENCES users (user_id) ON DELETE CASCADE;
ALTER TABLE oidc_authorizations ADD CONSTRAINT fk_oidc_authorizations_oidc_applications_application_id
    FOREIGN KEY (application_id) REFERENCES oidc_applications (id);
ALTER TABLE oidc_tokens ADD CONSTRAINT fk_oidc_tokens_oidc_applications_application_id
    FOREIGN KEY (application_id) REFERENCES oidc_applications (id);
ALTER TABLE oidc_tokens ADD CONSTRAINT fk_oidc_tokens_oidc_authorizations_authorization_id
    FOREIGN KEY (authorization_id) REFERENCES oidc_authorizations (id);
ALTER TABLE webhook_endpoints ADD CONSTRAINT fk_webhook_endpoints_application_users_application_user_id
    FOREIGN KEY (application_user_id) REFERENCES users (user_id) ON DELETE CASCADE;
ALTER TABLE webhook_messages ADD CONSTRAINT fk_webhook_messages_webhook_endpoints_webhook_endpoint_id
    FOREIGN KEY (webhook_endpoint_id) REFERENCES webhook_endpoints (webhook_endpoint_id) ON DELETE CASCADE;
ALTER TABLE eyts_awarded_emails_job_items ADD CONSTRAINT fk_eyts_awarded_emails_job_items_eyts_awarded_emails_jobs_eyts
    FOREIGN KEY (eyts_awarded_emails_job_id) REFERENCES eyts_awarded_emails_jobs (eyts_awarded_emails_job_id) ON DELETE CASCADE;
ALTER TABLE induction_completed_emails_job_items ADD CONSTRAINT fk_induction_completed_emails_job_items_induction_completed_em
    FOREIGN KEY (induction_completed_emails_job_id) REFERENCES induction_completed_emails_jobs (induction_completed_emails_job_id) ON DELETE CASCADE;
ALTER TABLE integration_transaction_records ADD CONSTRAINT fk_integration_transaction_records_persons_person_id
    FOREIGN KEY (person_id) REFERENCES persons (person_id);
ALTER TABLE integration_transaction_records ADD CONSTRAINT fk_integrationtransactionrecord_integrationtransaction
    FOREIGN KEY (integration_transaction_id) REFERENCES integration_transactions (integration_transaction_id);
ALTER TABLE international_qts_awarded_emails_job_items ADD CONSTRAINT fk_international_qts_awarded_emails_job_items_international_qt
    FOREIGN KEY (international_qts_awarded_emails_job_id) REFERENCES international_qts_awarded_emails_jobs (international_qts_awarded_emails_job_id) ON DELETE CASCADE;
ALTER TABLE qts_awarded_emails_job_items ADD CONSTRAINT fk_qts_awarded_emails_job_items_qts_awarded_emails_jobs_qts_aw
    FOREIGN KEY (qts_awarded_emails_job_id) REFERENCES qts_awarded_emails_jobs (qts_awarded_emails_job_id) ON DELETE CASCADE;
