"""Notes on people's records."""

from __future__ import annotations

from sandbox.domain import events
from sandbox.life.kinds import Kind, Subject
from sandbox.life.people import ANYONE
from sandbox.life.scene import Row, Scene

_WORDS = (
    "Telephone call from the record holder about their certificate.",
    "Documents returned by post.",
    "Employer asked for confirmation of status; answered by letter.",
    "Name on the certificate was queried, evidence is awaited.",
)


def add(scene: Scene, subject: Subject) -> None:
    """Staff write a note, sometimes with a file."""
    person = scene.need_person(subject.id)
    chance, user = scene.chance, scene.staff()
    content = chance.choice(_WORDS)
    with_file = chance.random() < 0.2
    row: Row = {
        "note_id": scene.uuid(),
        "person_id": person["person_id"],
        "content": content,
        "content_html": f"<p>{content}</p>" if chance.random() < 0.2 else None,
        "updated_on": None,
        "created_on": scene.when,
        "created_by_user_id": user,
        "file_id": scene.uuid() if with_file else None,
        "original_file_name": "letter.pdf" if with_file else None,
    }
    scene.insert("notes", row)
    with scene.process("NoteCreatedEvent", user) as process:
        note = events.state("Note", row, File=events.state("File", row) if with_file else None)
        process.event("NoteCreatedEvent", {"PersonId": person["person_id"], "Note": note})


KINDS = (Kind("note_added", add, 5, ANYONE, part="early"),)
