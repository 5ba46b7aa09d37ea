"""The daily work of the support desk on tasks: taking them, saving where one stopped, noting, deleting."""

from __future__ import annotations

from sandbox.life import support
from sandbox.life.kinds import Kind, Subject
from sandbox.life.payloads import models
from sandbox.life.pool import Pool
from sandbox.life.scene import Scene

ASSIGNING, NOTING, DELETING, ZENDESK = 63, 61, 8, 64
# Saving an unfinished journey has a process type by kind of task.
_SAVING = {
    support.RECORD_MATCHING: 33,
    support.TRN_REQUEST: 65,
    support.MANUAL_CHECKS: 65,
    support.PENSIONS_DUPLICATE: 66,
    support.ID_VERIFICATION: 32,
}

ANY_WAITING = support.waiting(1, 2, 3, 4, 6, 7, 8)
NEW = Pool(
    "support_tasks",
    "support_task_reference",
    "t.deleted_on IS NULL AND t.status = 0",
    None,
    "t.created_on DESC, t.support_task_reference",
)


def assign(scene: Scene, subject: Subject) -> bool:
    """A task is given to a member of staff."""
    task = support.find(scene, subject.key)
    if task is None:
        return False
    user = scene.staff()
    if task["assigned_to_user_id"] == user:
        return False
    with scene.process(ASSIGNING, scene.staff()) as process:
        support.change_task(scene, process, task, {"assigned_to_user_id": user})
    return True


def save(scene: Scene, subject: Subject) -> bool:
    """A member of staff stops half-way and saves."""
    task = support.find(scene, subject.key)
    if task is None or task["support_task_type"] not in _SAVING:
        return False
    state = {
        "ModelTypeName": "ResolveState",
        "Data": {"Step": scene.chance.choice(["Matches", "Merge", "CheckAnswers"])},
    }
    with scene.process(_SAVING[task["support_task_type"]], scene.staff()) as process:
        changes = {"status": support.IN_PROGRESS, "resolve_journey_saved_state": state}
        support.change_task(scene, process, task, changes)
    return True


def link_ticket(scene: Scene, subject: Subject) -> bool:
    """A ticket of the help desk is linked to a task."""
    task = support.find(scene, subject.key)
    if task is None:
        return False
    ticket = f"https://example.org/tickets/{scene.chance.randrange(1_000_000)}"
    with scene.process(ZENDESK, scene.staff()) as process:
        support.change_task(scene, process, task, {"zendesk_tickets": [*task["zendesk_tickets"], ticket]})
    return True


def note(scene: Scene, subject: Subject) -> bool:
    """A note is left on a task."""
    task = support.find(scene, subject.key)
    if task is None:
        return False
    user = scene.staff()
    row = {
        "support_task_note_id": scene.uuid(),
        "support_task_reference": task["support_task_reference"],
        "content": scene.chance.choice(
            ["Asked for a clearer scan.", "Spoke to the teacher.", "Waiting for the provider."]
        ),
        "created_on": scene.when,
        "created_by_user_id": user,
    }
    scene.insert("support_task_notes", row)
    with scene.process(NOTING, user) as process:
        values = {"SupportTaskNote": models.support_task_note(row)}
        process.event("SupportTaskNoteCreatedEvent", values, tasks=[task["support_task_reference"]])
    return True


def delete(scene: Scene, subject: Subject) -> bool:
    """A task should never have been raised: it stays, marked as deleted."""
    task = support.find(scene, subject.key)
    if task is None:
        return False
    reference = task["support_task_reference"]
    scene.update(
        "support_tasks", {"support_task_reference": reference}, {"deleted_on": scene.when, "updated_on": scene.when}
    )
    with scene.process(DELETING, scene.staff()) as process:
        values = {
            "SupportTaskReference": reference,
            "SupportTask": models.support_task(task),
            "ReasonDetail": "Raised twice",
        }
        people = [task["person_id"]] if task["person_id"] is not None else []
        process.event("SupportTaskDeletedEvent", values, people=people, tasks=[reference])
    return True


KINDS = (
    Kind("task_assigned", assign, 2, ANY_WAITING),
    Kind("task_saved", save, 1, support.waiting(*_SAVING), hours=(8, 12), part="late"),
    Kind("task_ticket_linked", link_ticket, 0.5, NEW),
    Kind("task_noted", note, 1, ANY_WAITING),
    Kind("task_deleted", delete, 0.1, NEW, hours=(17, 18)),
)
