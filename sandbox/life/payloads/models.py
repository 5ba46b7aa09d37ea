"""Nested objects of event payloads, made from rows of the operational tables.

Every function takes a row as a mapping of column names and returns what stands in the payload: property names of the
application, dates and ids as text, codes as numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

Row = Mapping[str, Any]
Payload = dict[str, Any]


def text(value: object) -> Any:
    """One value as JSON holds it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, list | tuple):
        return [text(item) for item in value]
    return value


def _pick(row: Row, columns: Iterable[tuple[str, str]]) -> Payload:
    return {name: text(row.get(column)) for name, column in columns}


PERSON_DETAILS = (
    ("FirstName", "first_name"),
    ("MiddleName", "middle_name"),
    ("LastName", "last_name"),
    ("DateOfBirth", "date_of_birth"),
    ("EmailAddress", "email_address"),
    ("NationalInsuranceNumber", "national_insurance_number"),
    ("Gender", "gender"),
)
STATUS_ATTRIBUTES = (
    ("QtsDate", "qts_date"),
    ("EytsDate", "eyts_date"),
    ("HasEyps", "has_eyps"),
    ("PqtsDate", "pqts_date"),
    ("QtlsStatus", "qtls_status"),
)
INDUCTION = (
    ("Status", "induction_status"),
    ("StatusWithoutExemption", "induction_status_without_exemption"),
    ("StartDate", "induction_start_date"),
    ("CompletedDate", "induction_completed_date"),
    ("ExemptionReasonIds", "induction_exemption_reason_ids"),
    ("CpdCpdModifiedOn", "cpd_induction_cpd_modified_on"),
    ("InductionExemptWithoutReason", "induction_exempt_without_reason"),
)
ROUTE = (
    ("QualificationId", "qualification_id"),
    ("SourceApplicationUserId", "source_application_user_id"),
    ("SourceApplicationReference", "source_application_reference"),
    ("RouteToProfessionalStatusTypeId", "route_to_professional_status_type_id"),
    ("Status", "status"),
    ("HoldsFrom", "holds_from"),
    ("TrainingStartDate", "training_start_date"),
    ("TrainingEndDate", "training_end_date"),
    ("TrainingSubjectIds", "training_subject_ids"),
    ("TrainingAgeSpecialismType", "training_age_specialism_type"),
    ("TrainingAgeSpecialismRangeFrom", "training_age_specialism_range_from"),
    ("TrainingAgeSpecialismRangeTo", "training_age_specialism_range_to"),
    ("TrainingCountryId", "training_country_id"),
    ("TrainingProviderId", "training_provider_id"),
    ("ExemptFromInduction", "exempt_from_induction"),
    ("ExemptFromInductionDueToQtsDate", "exempt_from_induction_due_to_qts_date"),
    ("DegreeTypeId", "degree_type_id"),
)
ALERT = (
    ("AlertId", "alert_id"),
    ("AlertTypeId", "alert_type_id"),
    ("Details", "details"),
    ("ExternalLink", "external_link"),
    ("StartDate", "start_date"),
    ("EndDate", "end_date"),
    # Only alerts that came from the old system carry these two.
    ("DqtSpent", "dqt_spent"),
    ("DqtSanctionCode", "dqt_sanction_code"),
)
ONE_LOGIN_USER = (
    ("Subject", "subject"),
    ("EmailAddress", "email_address"),
    ("PersonId", "person_id"),
    ("VerifiedOn", "verified_on"),
    ("VerificationRoute", "verification_route"),
    ("VerifiedNames", "verified_names"),
    ("VerifiedDatesOfBirth", "verified_dates_of_birth"),
    ("MatchedOn", "matched_on"),
    ("MatchRoute", "match_route"),
    ("MatchedAttributes", "matched_attributes"),
    ("VerifiedByApplicationUserId", "verified_by_application_user_id"),
)
SUPPORT_TASK = (
    ("SupportTaskReference", "support_task_reference"),
    ("SupportTaskType", "support_task_type"),
    ("Status", "status"),
    ("OneLoginUserSubject", "one_login_user_subject"),
    ("PersonId", "person_id"),
    ("Data", "data"),
    ("SourceApplicationUserId", "source_application_user_id"),
    ("ResolveJourneySavedState", "resolve_journey_saved_state"),
    ("AssignedToUserId", "assigned_to_user_id"),
    ("ZendeskTickets", "zendesk_tickets"),
    ("Outcome", "outcome"),
)
TRN_REQUEST = (
    ("ApplicationUserId", "application_user_id"),
    ("RequestId", "request_id"),
    ("CreatedOn", "created_on"),
    ("IdentityVerified", "identity_verified"),
    ("EmailAddress", "email_address"),
    ("OneLoginUserSubject", "one_login_user_subject"),
    ("FirstName", "first_name"),
    ("MiddleName", "middle_name"),
    ("LastName", "last_name"),
    ("PreviousFirstName", "previous_first_name"),
    ("PreviousLastName", "previous_last_name"),
    ("Name", "name"),
    ("DateOfBirth", "date_of_birth"),
    ("PotentialDuplicate", "potential_duplicate"),
    ("NationalInsuranceNumber", "national_insurance_number"),
    ("Gender", "gender"),
    ("AddressLine1", "address_line1"),
    ("AddressLine2", "address_line2"),
    ("AddressLine3", "address_line3"),
    ("City", "city"),
    ("Postcode", "postcode"),
    ("Country", "country"),
    ("TrnToken", "trn_token"),
    ("ResolvedPersonId", "resolved_person_id"),
    ("Matches", "matches"),
    ("NpqWorkingInEducationalSetting", "npq_working_in_educational_setting"),
    ("NpqApplicationId", "npq_application_id"),
    ("NpqName", "npq_name"),
    ("NpqTrainingProvider", "npq_training_provider"),
    ("NpqEvidenceFileId", "npq_evidence_file_id"),
    ("NpqEvidenceFileName", "npq_evidence_file_name"),
    ("Status", "status"),
)
EMPLOYMENT = (
    ("PersonEmploymentId", "tps_employment_id"),
    ("PersonId", "person_id"),
    ("EstablishmentId", "establishment_id"),
    ("StartDate", "start_date"),
    ("EndDate", "end_date"),
    ("LastKnownTpsEmployedDate", "last_known_tps_employed_date"),
    ("EmploymentType", "employment_type"),
    ("WithdrawalConfirmed", "withdrawal_confirmed"),
    ("LastExtractDate", "last_extract_date"),
    ("NationalInsuranceNumber", "national_insurance_number"),
    ("PersonPostcode", "person_postcode"),
    ("PersonEmailAddress", "person_email_address"),
    ("EmployerPostcode", "employer_postcode"),
    ("EmployerEmailAddress", "employer_email_address"),
    ("Key", "key"),
)
EMAIL = (
    ("EmailId", "email_id"),
    ("TemplateId", "template_id"),
    ("EmailAddress", "email_address"),
    ("Personalization", "personalization"),
    ("Metadata", "metadata"),
    ("SentOn", "sent_on"),
    ("EmailReplyToId", "email_reply_to_id"),
)
USER = (
    ("UserId", "user_id"),
    ("Name", "name"),
    ("Email", "email"),
    ("AzureAdUserId", "azure_ad_user_id"),
    ("Roles", "roles"),
    ("Role", "role"),
)
WEBHOOK_ENDPOINT = (
    ("WebhookEndpointId", "webhook_endpoint_id"),
    ("ApplicationUserId", "application_user_id"),
    ("Address", "address"),
    ("ApiVersion", "api_version"),
    ("CloudEventTypes", "cloud_event_types"),
    ("Enabled", "enabled"),
)
SUPPORT_TASK_NOTE = (
    ("SupportTaskNoteId", "support_task_note_id"),
    ("SupportTaskReference", "support_task_reference"),
    ("Content", "content"),
)


def person_details(row: Row) -> Payload:
    """Names, date of birth and the other attributes of a person that can be edited."""
    return _pick(row, PERSON_DETAILS)


def status_attributes(row: Row) -> Payload:
    """What a person holds by their routes."""
    return _pick(row, STATUS_ATTRIBUTES)


def induction(row: Row) -> Payload:
    """A person's induction."""
    return _pick(row, INDUCTION)


def route(row: Row) -> Payload:
    """A route to professional status."""
    picked = _pick(row, ROUTE)
    picked["TrainingSubjectIds"] = picked["TrainingSubjectIds"] or []
    return picked


def alert(row: Row) -> Payload:
    """An alert."""
    return _pick(row, ALERT)


def mandatory_qualification(row: Row, provider_names: Mapping[UUID, str]) -> Payload:
    """A mandatory qualification; its provider is an object with the name of that day."""
    provider_id = row.get("mq_provider_id")
    provider = None
    if provider_id is not None:
        provider = {
            "MandatoryQualificationProviderId": text(provider_id),
            "Name": provider_names.get(provider_id),
            "DqtMqEstablishmentId": text(row.get("dqt_mq_establishment_id")),
        }
    return {
        "QualificationId": text(row["qualification_id"]),
        "Provider": provider,
        "Specialism": row.get("mq_specialism"),
        "Status": row.get("mq_status"),
        "StartDate": text(row.get("start_date")),
        "EndDate": text(row.get("end_date")),
    }


def one_login_user(row: Row) -> Payload:
    """A GOV.UK One Login account as the application knows it."""
    return _pick(row, ONE_LOGIN_USER)


def support_task(row: Row) -> Payload:
    """A support task."""
    picked = _pick(row, SUPPORT_TASK)
    picked["ZendeskTickets"] = picked["ZendeskTickets"] or []
    return picked


def support_task_note(row: Row) -> Payload:
    """A note on a support task."""
    return _pick(row, SUPPORT_TASK_NOTE)


def trn_request(row: Row, matches: Iterable[UUID] | None = None) -> Payload:
    """A request for a TRN; `matches` are the people it may be."""
    picked = _pick(row, TRN_REQUEST)
    if matches is not None:
        picked["Matches"] = [{"PersonId": str(person)} for person in matches]
    return picked


def employment(row: Row) -> Payload:
    """An employment known from Teachers' Pensions."""
    return _pick(row, EMPLOYMENT)


def email(row: Row) -> Payload:
    """An e-mail."""
    return _pick(row, EMAIL)


def user(row: Row) -> Payload:
    """A member of staff who uses the support console; several roles at once are a thing of the past."""
    return {**_pick(row, USER), "Roles": []}


def webhook_endpoint(row: Row) -> Payload:
    """Where a consumer wants to be told."""
    return _pick(row, WEBHOOK_ENDPOINT)


def note(row: Row) -> Payload:
    """A note on a person, with its file if it has one."""
    return {
        "NoteId": text(row["note_id"]),
        "PersonId": text(row["person_id"]),
        "Content": row.get("content"),
        "File": file(row["file_id"], row["original_file_name"]) if row.get("file_id") else None,
    }


def file(file_id: UUID, name: str) -> Payload:
    """A file that was uploaded as evidence."""
    return {"FileId": str(file_id), "Name": name}
