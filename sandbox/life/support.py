"""Support tasks: raised, changed and closed, each time with its event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb

from sandbox.domain import events
from sandbox.domain.codes import TaskStatus
from sandbox.life.pool import Pool
from sandbox.life.scene import Process, Row, Scene

_TASK = sql.SQL(
    "SELECT * FROM support_tasks WHERE support_task_reference = %s AND deleted_on IS NULL AND status <> 1 FOR UPDATE"
)
_JSON = ("data", "resolve_journey_saved_state")


def waiting(*task_types: int) -> Pool:
    """Tasks of these types that are not closed, the oldest first."""
    wanted = ", ".join(str(task_type) for task_type in task_types)
    return Pool(
        "support_tasks",
        "support_task_reference",
        f"t.deleted_on IS NULL AND t.status <> 1 AND t.support_task_type IN ({wanted})",
        person=None,
        order="t.created_on, t.support_task_reference",
    )


def need(scene: Scene, reference: str) -> Row:
    """A task that is not closed, locked for the change to come."""
    return scene.need(_TASK, (reference,))


def raise_task(
    scene: Scene, process: Process, task_type: int, data: Mapping[str, Any], values: Mapping[str, Any]
) -> Row:
    """Raise a task. The database numbers it; both stores record it."""
    row: Row = {
        "created_on": scene.when,
        "updated_on": scene.when,
        "support_task_type": task_type,
        "status": TaskStatus.OPEN,
        "one_login_user_subject": None,
        "person_id": None,
        "trn_request_application_user_id": None,
        "trn_request_id": None,
        "data": {"$support-task-type": task_type, **data},
        "subject_email_address": None,
        "subject_name": None,
        "source_application_user_id": None,
        **values,
    }
    row["support_task_reference"] = scene.insert("support_tasks", row, returning="support_task_reference")
    body = {"SupportTask": events.state("SupportTask", row)}
    people, subjects, tasks = _links(row)
    event_id = process.event("SupportTaskCreatedEvent", body, people=people, subjects=subjects, tasks=tasks)
    process.mirror(event_id, "SupportTaskCreatedEvent", body, people)
    return row


def change_task(
    scene: Scene,
    process: Process,
    task: Row,
    changes: Mapping[str, Any],
    *,
    comments: str | None = None,
    rejection: str | None = None,
) -> tuple[UUID, Row]:
    """Change a task: the event's id (an older event may mirror it) and the task after."""
    after = {**task, **changes}
    columns: dict[str, Any] = {**changes, "updated_on": scene.when}
    for column in _JSON:
        if columns.get(column) is not None:
            columns[column] = Jsonb(columns[column])
    scene.update("support_tasks", {"support_task_reference": task["support_task_reference"]}, columns)
    values = {
        "SupportTaskReference": task["support_task_reference"],
        **both_sides(task, after),
        "Comments": comments,
        "RejectionReason": rejection,
    }
    people, subjects, tasks = _links(after)
    event_id = process.event("SupportTaskUpdatedEvent", values, people=people, subjects=subjects, tasks=tasks)
    return event_id, after


def close_task(
    scene: Scene,
    process: Process,
    task: Row,
    outcome: int,
    changes: Mapping[str, Any] | None = None,
    *,
    comments: str | None = None,
    rejection: str | None = None,
) -> tuple[UUID, Row]:
    """Close a task with an outcome that belongs to its type."""
    closing = {
        "status": TaskStatus.CLOSED,
        "outcome": outcome,
        "completed_on": scene.when,
        "completed_by_user_id": process.user_id,
        "resolve_journey_saved_state": None,
        **(changes or {}),
    }
    return change_task(scene, process, task, closing, comments=comments, rejection=rejection)


def both_sides(task: Row, after: Row) -> dict[str, Any]:
    """A task before and after, as the older events of its type hold it."""
    return {"SupportTask": events.state("SupportTask", after), "OldSupportTask": events.state("SupportTask", task)}


def _links(row: Row) -> tuple[list[UUID], list[str], list[str]]:
    people = [row["person_id"]] if row["person_id"] is not None else []
    subjects = [row["one_login_user_subject"]] if row["one_login_user_subject"] is not None else []
    return people, subjects, [row["support_task_reference"]]
