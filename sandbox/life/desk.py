"""The daily work of the support desk on tasks: taking them, saving where one stopped, noting, deleting."""

from __future__ import annotations

from sandbox.domain import events, tasks
from sandbox.domain.codes import ProcessType, Task, TaskStatus
from sandbox.domain.numbers import SECRET_MARK
from sandbox.life import support
from sandbox.life.kinds import Kind, Subject
from sandbox.life.pool import Pool
from sandbox.life.scene import CalledOffError, Scene

# Nobody works on requests of NPQ any more.
ANY_WAITING = support.waiting(*(kind for kind in range(1, 9) if kind != Task.NPQ_REQUEST))
NEW = Pool(
    "support_tasks",
    "support_task_reference",
    "t.deleted_on IS NULL AND t.status = 0",
    None,
    "t.created_on DESC, t.support_task_reference",
)


def assign(scene: Scene, subject: Subject) -> None:
    """A task is given to a member of staff."""
    task = support.need(scene, subject.key)
    user = scene.staff()
    if task["assigned_to_user_id"] == user:
        raise CalledOffError
    with scene.process(ProcessType.TASK_ASSIGNING, scene.staff()) as process:
        support.change_task(scene, process, task, {"assigned_to_user_id": user})


def save(scene: Scene, subject: Subject) -> None:
    """A member of staff stops half-way and saves."""
    task = support.need(scene, subject.key)
    if task["support_task_type"] not in tasks.saving():
        raise CalledOffError
    state = {
        "ModelTypeName": "ResolveState",
        "Data": {
            "Step": scene.chance.choice(["Matches", "Merge", "CheckAnswers"]),
            "TrnToken": f"{SECRET_MARK}-{subject.key}",
        },
    }
    with scene.process(tasks.saving()[task["support_task_type"]], scene.staff()) as process:
        changes = {"status": TaskStatus.IN_PROGRESS, "resolve_journey_saved_state": state}
        support.change_task(scene, process, task, changes)


def link_ticket(scene: Scene, subject: Subject) -> None:
    """A ticket of the help desk is linked to a task."""
    task = support.need(scene, subject.key)
    ticket = f"https://example.org/tickets/{scene.chance.randrange(1_000_000)}"
    with scene.process(ProcessType.TASK_TICKET_LINKING, scene.staff()) as process:
        support.change_task(scene, process, task, {"zendesk_tickets": [*task["zendesk_tickets"], ticket]})


def note(scene: Scene, subject: Subject) -> None:
    """A note is left on a task."""
    task = support.need(scene, subject.key)
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
    with scene.process("SupportTaskNoteCreatedEvent", user) as process:
        values = {"SupportTaskNote": events.state("SupportTaskNote", row)}
        process.event("SupportTaskNoteCreatedEvent", values, tasks=[task["support_task_reference"]])


def delete(scene: Scene, subject: Subject) -> None:
    """A task should never have been raised: it stays, marked as deleted."""
    task = support.need(scene, subject.key)
    reference = task["support_task_reference"]
    scene.delete_softly("support_tasks", {"support_task_reference": reference})
    with scene.process("SupportTaskDeletedEvent", scene.staff()) as process:
        values = {
            "SupportTaskReference": reference,
            "SupportTask": events.state("SupportTask", task),
            "ReasonDetail": "Raised twice",
        }
        people = [task["person_id"]] if task["person_id"] is not None else []
        process.event("SupportTaskDeletedEvent", values, people=people, tasks=[reference])


KINDS = (
    Kind("task_assigned", assign, 2, ANY_WAITING),
    Kind("task_saved", save, 1, support.waiting(*tasks.saving()), hours=(8, 12), part="late"),
    Kind("task_ticket_linked", link_ticket, 0.5, NEW),
    Kind("task_noted", note, 1, ANY_WAITING),
    Kind("task_deleted", delete, 0.1, NEW, hours=(17, 18)),
)
