"""Support tasks of every kind and state, their notes, and the events of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from sandbox.domain import tables
from sandbox.domain.codes import Outcome, Task, TaskStatus
from sandbox.domain.events import shapes
from sandbox.domain.numbers import SECRET_MARK
from sandbox.domain.tables import words
from sandbox.domain.tasks import creating, outcomes, outcomes_of
from sandbox.population import users
from sandbox.population.arrays import DAY, NO_MOMENT
from sandbox.population.draw import at_work, between, chance, one_of, uuids, weighted
from sandbox.population.event_log import EventLog, Values, obj
from sandbox.population.people import People
from sandbox.population.series import gather, numerals, text, where
from sandbox.population.world import World

_TYPES: Final = range(1, 9)
_STATES: Final = ((TaskStatus.CLOSED, 0.75), (TaskStatus.OPEN, 0.17), (TaskStatus.IN_PROGRESS, 0.08))
_ALL_CASES: Final = [(kind, status) for kind in _TYPES for status in range(3)]
_ABOUT_A_REQUEST = (Task.TRN_REQUEST, Task.NPQ_REQUEST, Task.MANUAL_CHECKS, Task.PENSIONS_DUPLICATE)
_ABOUT_AN_ACCOUNT = (Task.RECORD_MATCHING, Task.ID_VERIFICATION)
_CHANGES = (Task.CHANGE_NAME, Task.CHANGE_DATE_OF_BIRTH)
_SAVED = (
    '{"ModelTypeName":"ResolveState","PageName":"Matches","JourneyState":{"MatchedPersonIds":[],'
    f'"TrnToken":"{SECRET_MARK}-saved"}}}}'
)


@dataclass(frozen=True)
class Tasks:
    """Rows of `support_tasks`, with columns on the people they are about, and of `support_task_notes`."""

    tasks: pl.DataFrame
    notes: pl.DataFrame


def draw_tasks(world: World, chunk: int, people: People, requests: pl.DataFrame, accounts: pl.DataFrame) -> Tasks:
    """Tasks about 7 in 1000 people. In the first chunk every type comes in every status."""
    rng = world.stream("support tasks", chunk)
    count = max(len(_ALL_CASES) if chunk == 0 else 1, round(len(people) * 0.007))
    kind = 1 + weighted(rng, count, [float(row["share"]) for row in tables.rows("tasks")])
    status = np.array([state for state, _ in _STATES])[weighted(rng, count, [share for _, share in _STATES])]
    if chunk == 0:
        kind[: len(_ALL_CASES)], status[: len(_ALL_CASES)] = np.array(_ALL_CASES).T
    row = rng.integers(0, len(people), count)
    # Requests and accounts that tasks are about; the person is then theirs.
    request = rng.integers(0, max(len(requests), 1), count)
    account = rng.integers(0, max(len(accounts), 1), count)
    of_request = np.isin(kind, _ABOUT_A_REQUEST) & (len(requests) > 0)
    of_account = np.isin(kind, _ABOUT_AN_ACCOUNT) & (len(accounts) > 0)
    if len(requests):
        row = np.where(of_request, requests["row"].to_numpy()[request], row)
    begun = np.maximum(people.created[row].astype("datetime64[D]") + DAY, np.datetime64("2025-03-01"))
    made = at_work(rng, between(rng, begun, world.now - 4 * DAY, count))
    made = np.minimum(made, world.moment - np.timedelta64(80, "h"))
    closed = status == TaskStatus.CLOSED
    done = made + rng.integers(1, 70, count).astype("timedelta64[h]")
    deleted = closed & chance(rng, count, 0.015)
    pick = rng.integers(0, 12, count)
    outcome = np.array([outcomes_of(k)[i % len(outcomes_of(k))].code for k, i in zip(kind, pick, strict=True)])
    about_person = np.isin(kind, (*_CHANGES, Task.PENSIONS_DUPLICATE)) | (
        closed & ~of_account & chance(rng, count, 0.7)
    )
    staff = one_of(rng, count, world.users.staff.to_list())
    assigned = (status == TaskStatus.IN_PROGRESS) | chance(rng, count, 0.15)
    source = np.where(np.isin(kind, _CHANGES), users.AYTQ, np.where(of_account, users.NPQ, -1))
    first, last = people.first_name.gather(row), people.last_name.gather(row)
    tickets = text("{", numerals(rng.integers(10_000, 99_999, count)), "}")
    frame = pl.DataFrame(
        {
            "support_task_reference": text("TRS-", numerals(1000 + people.start + np.arange(count))),
            "created_on": made,
            "updated_on": np.where(closed, done, made),
            "deleted_on": np.where(deleted, done, NO_MOMENT),
            "support_task_type": kind,
            "status": status,
            "one_login_user_subject": gather(accounts["subject"], np.where(of_account, account, -1))
            if len(accounts)
            else None,
            "person_id": gather(people.person_id, np.where(about_person, row, -1)),
            "trn_request_application_user_id": gather(
                requests["application_user_id"], np.where(of_request, request, -1)
            ),
            "trn_request_id": gather(requests["request_id"], np.where(of_request, request, -1)),
            "assigned_to_user_id": where(assigned, staff),
            "completed_by_user_id": where(closed, staff),
            "completed_on": np.where(closed, done, NO_MOMENT),
            "subject_email_address": people.email.gather(row),
            "outcome": where(closed, pl.Series(outcome)),
            "source_application_user_id": gather(world.users.applications, source),
            "subject_name": text(first, " ", last).str.strip_chars(),
            "zendesk_tickets": where(chance(rng, count, 0.1), tickets, "{}"),
            "resolve_journey_saved_state": where(status == TaskStatus.IN_PROGRESS, _SAVED),
            # Of the person and the request, for the data and the events of tasks.
            "first_name": first,
            "middle_name": people.middle_name.gather(row),
            "last_name": last,
            "date_of_birth": people.born[row],
            "email_address": people.email.gather(row),
            "national_insurance_number": people.nino.gather(row),
            "gender": where(people.gender[row] > 0, pl.Series(people.gender[row])),
            "trn": people.trn.gather(row),
            "evidence_file_id": uuids(rng, count),
        }
    )
    decisions = {outcome.code: outcome.decision for outcome in outcomes().values()}
    frame = frame.with_columns(
        subject_names=_words("subject_name"),
        application_user_id="trn_request_application_user_id",
        request_id="trn_request_id",
        born=pl.col("date_of_birth").dt.strftime("%Y-%m-%d"),
        decision=pl.col("outcome").replace_strict(decisions, return_dtype=pl.Int64),
    )
    frame = frame.with_columns(data=_data(world, frame))
    return Tasks(frame, _notes(rng, world, frame))


def _words(column: str) -> pl.Expr:
    words = pl.col(column).str.replace_all(r"\s+", " ").str.split(" ").list.unique(maintain_order=True)
    return (
        pl.when(pl.col(column) == "")
        .then(pl.lit("{}"))
        .otherwise(pl.concat_str(pl.lit('{"'), words.list.join('","'), pl.lit('"}')))
    )


def _forms(world: World) -> dict[int, Mapping[str, str | pl.Expr]]:
    """The fields of the data of each type of task: a column, or an expression."""
    stated: dict[str, str | pl.Expr] = {
        "StatedNationalInsuranceNumber": "national_insurance_number",
        "StatedTrn": "trn",
    }
    file: dict[str, str | pl.Expr] = {"EvidenceFileId": "evidence_file_id", "EvidenceFileName": pl.lit("evidence.jpg")}
    change = {**file, "EmailAddress": "subject_email_address", "ChangeRequestOutcome": "decision"}
    nothing = pl.lit(None, dtype=pl.String)
    request: dict[str, str | pl.Expr] = {"ResolvedAttributes": nothing, "SelectedPersonAttributes": nothing}
    subject = {"OneLoginUserSubject": "one_login_user_subject"}
    return {
        Task.RECORD_MATCHING: {
            **subject,
            "OneLoginUserEmail": "subject_email_address",
            "VerifiedNames": pl.concat_list("first_name", "last_name"),
            "VerifiedDatesOfBirth": pl.concat_list("born"),
            **stated,
            "ClientApplicationUserId": pl.lit(world.users.application(users.NPQ)),
            "TrnTokenTrn": nothing,
            "Outcome": "decision",
        },
        Task.CHANGE_NAME: {"FirstName": "first_name", "MiddleName": "middle_name", "LastName": "last_name", **change},
        Task.CHANGE_DATE_OF_BIRTH: {"DateOfBirth": "born", **change},
        **dict.fromkeys((Task.TRN_REQUEST, Task.NPQ_REQUEST, Task.MANUAL_CHECKS), request),
        Task.PENSIONS_DUPLICATE: {"FileName": pl.lit("capita.csv"), "IntegrationTransactionId": pl.lit(1)},
        Task.ID_VERIFICATION: {
            **subject,
            "StatedFirstName": "first_name",
            "StatedLastName": "last_name",
            "StatedDateOfBirth": "born",
            **stated,
            **file,
            "Outcome": "decision",
        },
    }


def _data(world: World, tasks: pl.DataFrame) -> pl.Series:
    """The data of each task as JSON."""
    written = []
    for kind, form in _forms(world).items():
        fields = [pl.lit(kind).alias("$support-task-type")]
        fields += [(pl.col(value) if isinstance(value, str) else value).alias(name) for name, value in form.items()]
        written.append(pl.when(pl.col("support_task_type") == kind).then(pl.struct(fields).struct.json_encode()))
    # One name is a list of its parts, and the field a list of names.
    names = r'"VerifiedNames":(\[[^\]]*\])'
    return tasks.select(pl.coalesce(written).str.replace(names, '"VerifiedNames":[${1}]'))[:, 0]


def _notes(rng: np.random.Generator, world: World, tasks: pl.DataFrame) -> pl.DataFrame:
    chosen = tasks.filter(pl.Series(chance(rng, len(tasks), 0.25)))
    if not len(chosen):
        chosen = tasks.head(1)
    count = len(chosen)
    return chosen.select(
        "support_task_reference",
        support_task_note_id=uuids(rng, count),
        content=one_of(rng, count, words("task_note")),
        created_on=pl.col("created_on").dt.offset_by("35m"),
        created_by_user_id=one_of(rng, count, world.users.staff.to_list()),
    )


def task_events(log: EventLog, drawn: Tasks) -> None:
    """Creation in both stores with one id; closing in the newer store, and for some types of task in the older too."""
    events, tasks = log.writer("task events"), drawn.tasks
    new = obj(Status=TaskStatus.OPEN, Outcome=None, AssignedToUserId=None, ResolveJourneySavedState=None)
    for kind in _TYPES:
        created, facts = ("SupportTaskCreatedEvent", {"SupportTask": new}), tasks.filter(support_task_type=kind)
        events.both(created[0], facts, created[1], *created, process_type=creating(kind))
    values: Values = {"SupportTask": obj(), "OldSupportTask": obj(Status=TaskStatus.OPEN, Outcome=None)}
    for outcome in outcomes().values():
        facts = tasks.filter(pl.col("outcome") == outcome.code)
        by = facts["completed_by_user_id"]
        how: dict[str, Any] = {"at": "completed_on", "process_type": outcome.process_type}
        rejected = (
            {"RejectionReason": words("rejection")[0]} if (outcome.mirror or "").endswith("RejectedEvent") else {}
        )
        closing = ("SupportTaskUpdatedEvent", facts, {**values, **rejected})
        if outcome.mirror is None:
            events.process(*closing, by=by, **how)
            continue
        shape = shapes()["events", outcome.mirror]
        more: dict[str, object] = {field: obj() for field in shape.objects if field not in values}
        if "ChangeReason" in shape.types:
            kept = outcome.code in (Outcome.WITHOUT_MERGE, Outcome.NPQ_WITH_NEW)
            more["ChangeReason"] = 1 if kept else 2
        events.both(*closing, outcome.mirror, {**values, **rejected, **more}, by=by, **how)
    gone, values = (
        tasks.filter(pl.col("deleted_on").is_not_null()),
        {"SupportTask": obj(), "ReasonDetail": "Made twice"},
    )
    events.process("SupportTaskDeletedEvent", gone, values, at="deleted_on")
    events.process("SupportTaskNoteCreatedEvent", drawn.notes, {"SupportTaskNote": obj()}, persons=())
