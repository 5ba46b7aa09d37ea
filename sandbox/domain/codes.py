"""Codes of the operational system, by the table or the field that holds them.

A class is only a room for names: its members are plain numbers, as the tables store them.
"""

from __future__ import annotations


class PersonStatus:
    """`persons.status`."""

    ACTIVE, DEACTIVATED = range(2)


class Gender:
    """`persons.gender`; null where it is unknown."""

    MALE, FEMALE, OTHER, NOT_AVAILABLE = range(1, 5)


class Award:
    """`route_to_professional_status_types.professional_status_type`: the status that a route leads to."""

    QTS, EYTS, EYPS, PQTS = range(4)


class Field:
    """Whether a route type asks for a field: its `*_required` columns."""

    OPTIONAL, MANDATORY, NOT_APPLICABLE = range(3)


class RouteStatus:
    """`qualifications.status`."""

    IN_TRAINING, HOLDS, DEFERRED, DEFERRED_FOR_SKILLS_TEST, FAILED, WITHDRAWN, UNDER_ASSESSMENT = range(7)


class Qtls:
    """`persons.qtls_status`."""

    NONE, EXPIRED, ACTIVE = range(3)


class Induction:
    """`persons.induction_status`; from the highest, a status gives way to an exemption only if it stands after it."""

    NONE, REQUIRED, EXEMPT, IN_PROGRESS, PASSED, FAILED, FAILED_IN_WALES = range(7)
    PRIORITY = (FAILED, PASSED, EXEMPT, IN_PROGRESS, FAILED_IN_WALES, REQUIRED, NONE)


class Specialism:
    """`qualifications.mq_specialism`."""

    AUDITORY, DEAF_EDUCATION, HEARING, MULTI_SENSORY, NOT_APPLICABLE, VISUAL = range(6)


class MqStatus:
    """`qualifications.mq_status`."""

    IN_PROGRESS, PASSED, DEFERRED, EXTENDED, FAILED, WITHDRAWN = range(6)


class School:
    """`establishments.establishment_status_code`; of one number the first in PREFERENCE is meant."""

    OPEN, CLOSED, CLOSING, PROPOSED = range(1, 5)
    PREFERENCE = (OPEN, CLOSING, CLOSED, PROPOSED)
    NAMES = {OPEN: "Open", CLOSED: "Closed", CLOSING: "Open, but proposed to close", PROPOSED: "Proposed to open"}  # noqa: RUF012


class Item:
    """`tps_csv_extract_items.result`."""

    NO_CHANGE, ADDED, UPDATED, UNKNOWN_TRN, UNKNOWN_ESTABLISHMENT = range(5)


class Interface:
    """`integration_transactions.interface_type`."""

    EWC, EXPORT_NEW, EXPORT_AMEND, IMPORT = range(1, 5)


class RowStatus:
    """`integration_transaction_records.status`."""

    SUCCESS, FAILURE, WARNING = range(3)


class Request:
    """`trn_request_metadata.status`."""

    PENDING, COMPLETED, REJECTED, DORMANT = range(4)


class TaskStatus:
    """`support_tasks.status`."""

    OPEN, CLOSED, IN_PROGRESS = range(3)


class Task:
    """`support_tasks.support_task_type`. What may become of one: `sandbox.domain.tasks`."""

    RECORD_MATCHING, CHANGE_NAME, CHANGE_DATE_OF_BIRTH, TRN_REQUEST = range(1, 5)
    NPQ_REQUEST, MANUAL_CHECKS, PENSIONS_DUPLICATE, ID_VERIFICATION = range(5, 9)


class Outcome:
    """`support_tasks.outcome`, as far as it follows from no decision."""

    NOT_VERIFIED, VERIFIED_AND_CONNECTED, NO_MATCHES, CONNECTED = 7, 10, 12, 13
    WITH_EXISTING, WITH_NEW, CHECKS_DONE, WITH_MERGE, WITHOUT_MERGE, NPQ_WITH_EXISTING, NPQ_WITH_NEW = range(14, 21)


class Decision:
    """What staff decide about a request for a change, in `support_tasks.data`."""

    APPROVED, REJECTED, CANCELLED = range(1, 4)


class Verified:
    """`one_login_users.verification_route`."""

    BY_ONE_LOGIN, BY_SUPPORT, ELSEWHERE = range(1, 4)


class Matched:
    """`one_login_users.match_route`."""

    AUTOMATIC, INTERACTIVE, TRN_TOKEN, SUPPORT_UI, GET_AN_IDENTITY, TRN_REQUEST = range(1, 7)


class Attribute:
    """Keys of `one_login_users.matched_attributes`."""

    FULL_NAME, LAST_NAME, DATE_OF_BIRTH, NINO, TRN = range(1, 6)


class UserType:
    """`users.user_type`."""

    PERSON, APPLICATION, SYSTEM = range(1, 4)


class ProcessType:
    """`processes.process_type`, where one kind of event comes from several; else see `data/events.csv`."""

    TRN_REQUEST_CREATING, PERSON_CREATING, PENSIONS_IMPORTING, MERGING, DECEASED = 14, 24, 28, 29, 42
    CONNECTING, DISCONNECTING, TASK_ASSIGNING, TASK_TICKET_LINKING = 44, 45, 63, 64
