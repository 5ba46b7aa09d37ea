"""The numbers behind the `Changes` field of event payloads.

A flag name repeats across events with another number, so each event has a table of its own: attribute of the nested
object -> bit. The older store (`events`) keeps the attributes of a person 16 bits higher than `process_events` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LEGACY_PERSON_SHIFT = 16

PERSON_DETAILS: Mapping[str, int] = {
    "FirstName": 1,
    "MiddleName": 2,
    "LastName": 4,
    "DateOfBirth": 8,
    "EmailAddress": 16,
    "NationalInsuranceNumber": 32,
    "Gender": 64,
}
PERSON_DEACTIVATED: Mapping[str, int] = {"PersonStatus": 1, "DateOfDeath": 2, "MergedWithPersonId": 4}
PERSON_REACTIVATED: Mapping[str, int] = {"PersonStatus": 1, "DateOfDeath": 2}

ALERT: Mapping[str, int] = {
    "Details": 1,
    "ExternalLink": 4,
    "StartDate": 8,
    "EndDate": 16,
    "DqtSpent": 32,
    "DqtSanctionCode": 64,
}
MANDATORY_QUALIFICATION: Mapping[str, int] = {
    "Provider": 1,
    "Specialism": 4,
    "Status": 8,
    "StartDate": 16,
    "EndDate": 32,
}
ONE_LOGIN_USER: Mapping[str, int] = {
    "EmailAddress": 1,
    "PersonId": 2,
    "VerifiedOn": 4,
    "VerificationRoute": 8,
    "VerifiedNames": 16,
    "VerifiedDatesOfBirth": 32,
    "MatchedOn": 64,
    "MatchRoute": 128,
    "MatchedAttributes": 256,
    "VerifiedByApplicationUserId": 512,
}
SUPPORT_TASK: Mapping[str, int] = {
    "Status": 1,
    "Data": 2,
    "ResolveJourneySavedState": 4,
    "AssignedToUserId": 8,
    "ZendeskTickets": 16,
    "Outcome": 32,
}
TRN_REQUEST: Mapping[str, int] = {"Status": 1, "ResolvedPersonId": 2}
WEBHOOK_ENDPOINT: Mapping[str, int] = {"Address": 1, "ApiVersion": 2, "CloudEventTypes": 4, "Enabled": 8}
USER: Mapping[str, int] = {"Name": 1, "Role": 2}

INDUCTION: Mapping[str, int] = {
    "Status": 1,
    "StartDate": 2,
    "CompletedDate": 4,
    "ExemptionReasonIds": 8,
    "StatusWithoutExemption": 128,
    "InductionExemptWithoutReason": 256,
}
ROUTE: Mapping[str, int] = {
    "RouteToProfessionalStatusTypeId": 1,
    "Status": 2,
    "TrainingStartDate": 4,
    "TrainingEndDate": 8,
    "HoldsFrom": 16,
    "TrainingSubjectIds": 32,
    "TrainingAgeSpecialismType": 64,
    "TrainingAgeSpecialismRangeFrom": 128,
    "TrainingAgeSpecialismRangeTo": 256,
    "TrainingCountryId": 512,
    "TrainingProviderId": 1024,
    "ExemptFromInduction": 2048,
    "DegreeTypeId": 4096,
    "ExemptFromInductionDueToQtsDate": 8192,
}
# What a change of a route does to its person: carried in the same mask, above the bits of the route.
ROUTE_PERSON: Mapping[str, int] = {
    "QtlsStatus": 16777216,
    "QtsDate": 33554432,
    "EytsDate": 67108864,
    "HasEyps": 134217728,
    "PqtsDate": 268435456,
}
ROUTE_INDUCTION: Mapping[str, int] = {"Status": 536870912, "StatusWithoutExemption": 1073741824}

EMPLOYMENT: Mapping[str, int] = {
    "StartDate": 1,
    "EndDate": 2,
    "EmploymentType": 4,
    "EstablishmentId": 8,
    "LastKnownTpsEmployedDate": 16,
    "LastExtractDate": 32,
    "NationalInsuranceNumber": 64,
    "PersonPostcode": 128,
    "WithdrawalConfirmed": 256,
    "PersonEmailAddress": 512,
    "EmployerPostcode": 1024,
    "EmployerEmailAddress": 2048,
}
# Resolving a pension duplicate never changes the e-mail address, so its mask has no bit for it.
PENSION_DUPLICATE_UNTRACKED = PERSON_DETAILS["EmailAddress"] << LEGACY_PERSON_SHIFT


def changed(old: Mapping[str, Any], new: Mapping[str, Any], flags: Mapping[str, int]) -> int:
    """The mask of the attributes that differ between two nested objects of a payload."""
    mask = 0
    for attribute, bit in flags.items():
        if old.get(attribute) != new.get(attribute):
            mask |= bit
    return mask


def legacy_person(mask: int) -> int:
    """The mask of a person's attributes as the older store writes it."""
    return mask << LEGACY_PERSON_SHIFT
