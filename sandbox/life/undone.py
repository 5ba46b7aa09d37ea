"""Work that never came to be: transactions that are rolled back at their end. Nobody must ever see any of it."""

from __future__ import annotations

from psycopg import sql

from sandbox.life import people
from sandbox.life.kinds import Job, Kind, Subject
from sandbox.life.scene import Scene

_MANY = sql.SQL(
    """
    UPDATE persons SET email_address = 'undone@example.org', updated_on = %s
    WHERE person_id IN (SELECT person_id FROM persons WHERE person_id >= %s ORDER BY person_id LIMIT 500)
    """
)


class RolledBackOnPurposeError(Exception):
    """Ends a transaction that is meant to be undone."""


def edit(scene: Scene, subject: Subject) -> bool:
    """An edit that fails at the last step."""
    return people.change_details(scene, subject)


def edit_many(scene: Scene, _: Subject) -> bool:
    """A script over many rows that was wrong."""
    return scene.run(_MANY, (scene.when, scene.uuid())) > 0


KINDS = (Kind("edit_rolled_back", edit, 2, people.ANYONE),)
JOBS = (Job("script_rolled_back", edit_many, lambda day: day.weekday() == 1, [("", 11.0)]),)
UNDONE = frozenset({"edit_rolled_back", "script_rolled_back"})
