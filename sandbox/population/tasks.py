"""Support tasks of every kind and state, their notes, and notes on people's records, with the events of each."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from sandbox.population import users
from sandbox.population.event_rows import RAW_DATA, EventRows, add_legacy, add_process, struct_of
from sandbox.population.people import People
from sandbox.population.vector import DAY, NO_MOMENT, Ints, at_work, between, chance, gather, one_of, uuids, where
from sandbox.population.world import World

(
    ONE_LOGIN_MATCHING,
    NAME_CHANGE,
    BIRTH_CHANGE,
    TRN_REQUEST,
    NPQ_REQUEST,
    MANUAL_CHECKS,
    TPS_DUPLICATE,
    ONE_LOGIN_IDENTITY,
) = range(1, 9)
OPEN, CLOSED, IN_PROGRESS = range(3)
_OUTCOMES: Final = {
    1: (11, 12, 13),
    2: (1, 2, 3),
    3: (4, 5, 6),
    4: (14, 15),
    5: (19, 20, 21),
    6: (16,),
    7: (17, 18),
    8: (7, 8, 9, 10),
}
_CREATING: Final = {1: 36, 2: 13, 3: 12, 4: 14, 5: 15, 6: 14, 7: 28, 8: 36}
_CLOSING: Final = {1: 34, 2: 30, 3: 31, 4: 16, 5: 18, 6: 20, 7: 22, 8: 23}
_ALL_CASES: Final = [(kind, status) for kind in range(1, 9) for status in (OPEN, CLOSED, IN_PROGRESS)]


@dataclass(frozen=True)
class Tasks:
    """Rows of `support_tasks` and `support_task_notes`."""

    tasks: pl.DataFrame
    notes: pl.DataFrame


def draw_tasks(world: World, chunk: int, people: People, requests: pl.DataFrame, accounts: pl.DataFrame) -> Tasks:
    """Tasks about 7 in 1000 people. In the first chunk every type comes in every status."""
    rng = world.stream("support tasks", chunk)
    count = max(len(_ALL_CASES) if chunk == 0 else 1, round(len(people) * 0.007))
    kind = 1 + np.searchsorted(np.cumsum([0.2, 0.22, 0.1, 0.2, 0.08, 0.06, 0.06]), rng.random(count))
    status = np.array([CLOSED, OPEN, IN_PROGRESS])[np.searchsorted([0.75, 0.92], rng.random(count))]
    if chunk == 0:
        kind[: len(_ALL_CASES)], status[: len(_ALL_CASES)] = np.array(_ALL_CASES).T
    row = rng.integers(0, len(people), count)
    # Requests and accounts that tasks are about; the person is then theirs.
    request = rng.integers(0, max(len(requests), 1), count)
    account = rng.integers(0, max(len(accounts), 1), count)
    of_request = np.isin(kind, (TRN_REQUEST, NPQ_REQUEST, MANUAL_CHECKS, TPS_DUPLICATE)) & (len(requests) > 0)
    of_account = np.isin(kind, (ONE_LOGIN_MATCHING, ONE_LOGIN_IDENTITY)) & (len(accounts) > 0)
    if len(requests):
        row = np.where(of_request, requests["row"].to_numpy()[request], row)
    begun = np.maximum(people.created[row].astype("datetime64[D]") + DAY, np.datetime64("2025-03-01"))
    made = at_work(rng, between(rng, begun, world.now - 4 * DAY, count))
    made = np.minimum(made, world.moment - np.timedelta64(80, "h"))
    closed = status == CLOSED
    done = made + rng.integers(1, 70, count).astype("timedelta64[h]")
    deleted = closed & chance(rng, count, 0.015)
    outcome = np.array(
        [
            _OUTCOMES[k][i % len(_OUTCOMES[k])]
            for k, i in zip(kind.tolist(), rng.integers(0, 12, count).tolist(), strict=True)
        ]
    )
    about_person = np.isin(kind, (NAME_CHANGE, BIRTH_CHANGE, TPS_DUPLICATE)) | (
        closed & ~of_account & chance(rng, count, 0.7)
    )
    staff = one_of(rng, count, world.users.staff.to_list())
    assigned = (status == IN_PROGRESS) | chance(rng, count, 0.15)
    number = pl.Series(1000 + people.start + np.arange(count)).cast(pl.String)
    names = pl.DataFrame({"f": people.first_name.gather(row), "l": people.last_name.gather(row)})
    frame = pl.DataFrame(
        {
            "support_task_reference": pl.select(pl.concat_str(pl.lit("TRS-"), pl.lit(number))).to_series(),
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
            "source_application_user_id": gather(
                world.users.applications,
                np.where(np.isin(kind, (NAME_CHANGE, BIRTH_CHANGE)), users.AYTQ, np.where(of_account, users.NPQ, -1)),
            ),
        }
    ).with_columns(
        subject_name=pl.concat_str(pl.lit(names["f"]), pl.lit(" "), pl.lit(names["l"])).str.strip_chars(),
        zendesk_tickets=pl.when(pl.Series(chance(rng, count, 0.1)))
        .then(
            pl.concat_str(
                pl.lit("{"), pl.lit(pl.Series(rng.integers(10_000, 99_999, count)).cast(pl.String)), pl.lit("}")
            )
        )
        .otherwise(pl.lit("{}")),
        resolve_journey_saved_state=pl.when(pl.Series(status == IN_PROGRESS)).then(
            pl.lit('{"ModelTypeName":"ResolveState","PageName":"Matches","JourneyState":{"MatchedPersonIds":[]}}')
        ),
    )
    frame = frame.with_columns(
        subject_names=_words("subject_name"),
        data=_data(rng, world, frame, names, row, people),
    )
    return Tasks(frame, _notes(rng, world, frame))


def _words(column: str) -> pl.Expr:
    words = pl.col(column).str.replace_all(r"\s+", " ").str.split(" ").list.unique(maintain_order=True)
    return (
        pl.when(pl.col(column) == "")
        .then(pl.lit("{}"))
        .otherwise(pl.concat_str(pl.lit('{"'), words.list.join('","'), pl.lit('"}')))
    )


def _data(
    rng: np.random.Generator, world: World, tasks: pl.DataFrame, names: pl.DataFrame, row: Ints, people: People
) -> pl.Series:
    count = len(tasks)
    born = pl.Series(people.born[row]).dt.strftime("%Y-%m-%d")
    outcome = np.where(tasks["status"].to_numpy() == CLOSED, 1 + tasks["outcome"].fill_null(1).to_numpy() % 3, 0)
    file_id = uuids(rng, count)
    facts = tasks.with_columns(
        f=names["f"],
        l=names["l"],
        born=born,
        file_id=file_id,
        decided=where(outcome > 0, pl.Series(outcome)),
        nino=people.nino.gather(row),
        trn=people.trn.gather(row),
    )
    file = {
        "EvidenceFileId": pl.col("file_id"),
        "EvidenceFileName": pl.lit("evidence.jpg"),
        "EmailAddress": pl.col("subject_email_address"),
        "ChangeRequestOutcome": pl.col("decided"),
    }
    verified = pl.struct(
        pl.lit(ONE_LOGIN_MATCHING).alias("$support-task-type"),
        OneLoginUserSubject="one_login_user_subject",
        OneLoginUserEmail="subject_email_address",
        VerifiedNames=pl.concat_list("f", "l"),
        VerifiedDatesOfBirth=pl.concat_list("born"),
        StatedNationalInsuranceNumber="nino",
        StatedTrn="trn",
        ClientApplicationUserId=pl.lit(world.users.application(users.NPQ)),
        TrnTokenTrn=pl.lit(None, dtype=pl.String),
    )
    identity = pl.struct(
        pl.lit(ONE_LOGIN_IDENTITY).alias("$support-task-type"),
        OneLoginUserSubject="one_login_user_subject",
        StatedFirstName="f",
        StatedLastName="l",
        StatedDateOfBirth="born",
        StatedNationalInsuranceNumber="nino",
        StatedTrn="trn",
        EvidenceFileId="file_id",
        EvidenceFileName=pl.lit("passport.pdf"),
    )
    plain = {
        kind: pl.struct(
            pl.lit(kind).alias("$support-task-type"),
            ResolvedAttributes=pl.lit(None, dtype=pl.String),
            SelectedPersonAttributes=pl.lit(None, dtype=pl.String),
        )
        for kind in (4, 5, 6)
    }
    forms = {
        ONE_LOGIN_MATCHING: verified,
        NAME_CHANGE: struct_of(
            {
                "$support-task-type": pl.lit(NAME_CHANGE),
                "FirstName": pl.col("f"),
                "MiddleName": pl.lit(""),
                "LastName": pl.col("l"),
                **file,
            }
        ),
        BIRTH_CHANGE: struct_of({"$support-task-type": pl.lit(BIRTH_CHANGE), "DateOfBirth": pl.col("born"), **file}),
        **plain,
        TPS_DUPLICATE: pl.struct(
            pl.lit(TPS_DUPLICATE).alias("$support-task-type"),
            FileName=pl.lit("capita.csv"),
            IntegrationTransactionId=pl.lit(1),
        ),
        ONE_LOGIN_IDENTITY: identity,
    }
    data = pl.coalesce(
        *(pl.when(pl.col("support_task_type") == kind).then(form.struct.json_encode()) for kind, form in forms.items())
    )
    # One name is a list of its parts, and the field a list of names.
    nested = data.str.replace(r'"VerifiedNames":(\[[^\]]*\])', '"VerifiedNames":[${1}]')
    return facts.select(nested.alias("data"))["data"]


def _notes(rng: np.random.Generator, world: World, tasks: pl.DataFrame) -> pl.DataFrame:
    chosen = tasks.filter(pl.Series(chance(rng, len(tasks), 0.25)))
    if not len(chosen):
        chosen = tasks.head(1)
    count = len(chosen)
    return chosen.select(
        "support_task_reference",
        support_task_note_id=uuids(rng, count),
        content=one_of(
            rng,
            count,
            (
                "Asked for a clearer picture.",
                "Called the provider; they will send the form.",
                "Same person, see the other record.",
            ),
        ),
        created_on=pl.col("created_on").dt.offset_by("35m"),
        created_by_user_id=one_of(rng, count, world.users.staff.to_list()),
    )


def task_events(rows: EventRows, world: World, chunk: int, drawn: Tasks) -> None:
    """Creation in both stores with one id; closing and notes in the newer store."""
    rng = world.stream("task events", chunk)
    tasks = drawn.tasks.rename(
        {"created_on": "created", "support_task_reference": "task", "one_login_user_subject": "subject"}
    )
    ids = uuids(rng, len(tasks))
    for kind in range(1, 9):
        chosen = tasks["support_task_type"] == kind
        facts = tasks.filter(chosen)
        add_process(
            rows,
            world,
            rng,
            _CREATING[kind],
            "SupportTaskCreatedEvent",
            facts,
            {"SupportTask": _task(OPEN)},
            event_id=ids.filter(chosen),
        )
        closed = facts.filter(pl.col("status") == CLOSED).with_columns(created=pl.col("completed_on"))
        add_process(
            rows,
            world,
            rng,
            _CLOSING[kind],
            "SupportTaskUpdatedEvent",
            closed,
            {
                "SupportTaskReference": pl.col("task"),
                "Changes": pl.lit(1 | 2 | 32),
                "SupportTask": _task(None),
                "OldSupportTask": _task(OPEN),
                "Comments": pl.lit(None, dtype=pl.String),
                "RejectionReason": pl.lit(None, dtype=pl.String),
            },
            by=closed["completed_by_user_id"],
        )
    add_legacy(rows, world, rng, "SupportTaskCreatedEvent", tasks, {"SupportTask": _task(OPEN)}, event_id=ids)
    gone = tasks.filter(pl.col("deleted_on").is_not_null()).with_columns(created=pl.col("deleted_on"))
    add_process(
        rows,
        world,
        rng,
        8,
        "SupportTaskDeletedEvent",
        gone,
        {"SupportTaskReference": pl.col("task"), "SupportTask": _task(None), "ReasonDetail": pl.lit("Made twice")},
    )
    notes = drawn.notes.rename({"created_on": "created", "support_task_reference": "task"})
    add_process(
        rows,
        world,
        rng,
        61,
        "SupportTaskNoteCreatedEvent",
        notes,
        {
            "SupportTaskNote": pl.struct(
                SupportTaskNoteId="support_task_note_id", SupportTaskReference="task", Content="content"
            )
        },
        persons=(),
    )


def _task(status: int | None) -> pl.Expr:
    return pl.struct(
        SupportTaskReference="task",
        SupportTaskType="support_task_type",
        Status=pl.col("status") if status is None else pl.lit(status),
        OneLoginUserSubject="subject",
        PersonId="person_id",
        Data=pl.lit(RAW_DATA),
        SourceApplicationUserId="source_application_user_id",
        AssignedToUserId="assigned_to_user_id",
        Outcome=pl.col("outcome") if status is None else pl.lit(None, dtype=pl.Int64),
    )
