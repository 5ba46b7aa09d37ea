"""Rows that go for good: what has expired, a note, an account, now and then a record on which nothing hangs."""

from __future__ import annotations

from datetime import timedelta

from psycopg import sql

from sandbox.life.kinds import Job, Kind, Subject
from sandbox.life.onelogin import ALONE
from sandbox.life.pool import Pool
from sandbox.life.scene import Scene

_TOKENS_KEPT = timedelta(days=14)

NOTES = Pool("notes", "note_id", "true", person=None)
_HANGS_ON = (
    ("qualifications", "person_id"),
    ("alerts", "person_id"),
    ("notes", "person_id"),
    ("previous_names", "person_id"),
    ("support_tasks", "person_id"),
    ("tps_employments", "person_id"),
    ("persons", "merged_with_person_id"),
)
# These two have no index on the person, so they are looked at once, when it comes to it.
_UNINDEXED = (
    sql.SQL("SELECT FROM one_login_users WHERE person_id = %s LIMIT 1"),
    sql.SQL("SELECT FROM integration_transaction_records WHERE person_id = %s LIMIT 1"),
    sql.SQL("SELECT FROM trn_request_metadata WHERE resolved_person_id = %s LIMIT 1"),
)
BARE = Pool(
    "persons",
    "person_id",
    " AND ".join(
        f"NOT EXISTS (SELECT FROM {table} d WHERE d.{column} = t.person_id OFFSET 0)" for table, column in _HANGS_ON
    ),
)
_PRUNED_TOKENS = sql.SQL("DELETE FROM oidc_tokens WHERE expiration_date < %s")
_PRUNED_AUTHORIZATIONS = sql.SQL(
    """
    DELETE FROM oidc_authorizations a
    WHERE a.creation_date < %s AND NOT EXISTS (SELECT FROM oidc_tokens t WHERE t.authorization_id = a.id)
    """
)
_PRUNED_REGISTRATIONS = sql.SQL("DELETE FROM authz_registration_tokens WHERE expires_utc < %s")
_TASKS_OF = sql.SQL("SELECT FROM support_tasks WHERE one_login_user_subject = %s LIMIT 1")
_SEARCHED = sql.SQL("DELETE FROM person_search_attributes WHERE person_id = %s")


def prune(scene: Scene, _: Subject) -> bool:
    """Expired tokens go, then the authorizations that no token is left of."""
    before = scene.when - _TOKENS_KEPT
    gone = scene.run(_PRUNED_TOKENS, (before,))
    gone += scene.run(_PRUNED_AUTHORIZATIONS, (before,))
    gone += scene.run(_PRUNED_REGISTRATIONS, (scene.when,))
    return gone > 0


def delete_note(scene: Scene, subject: Subject) -> bool:
    """A note held what it must not hold."""
    return scene.delete("notes", {"note_id": subject.id}) == 1


def delete_account(scene: Scene, subject: Subject) -> bool:
    """An account that is connected to nobody is removed at its owner's wish."""
    if scene.one(_TASKS_OF, (subject.key,)) is not None:
        return False
    return scene.delete("one_login_users", {"subject": subject.key}) == 1


def delete_person(scene: Scene, subject: Subject) -> bool:
    """A record that was made in error and never used is removed for good; its events stay."""
    for query in _UNINDEXED:
        if scene.one(query, (subject.id,)) is not None:
            return False
    scene.run(_SEARCHED, (subject.id,))
    return scene.delete("persons", {"person_id": subject.id}) == 1


KINDS = (
    Kind("note_removed", delete_note, 0.2, NOTES, part="late"),
    Kind("one_login_removed", delete_account, 0.3, ALONE, part="late"),
    # Several, so that one of them is really without anything.
    Kind("person_removed", delete_person, 0.2, BARE, part="late"),
)
JOBS = (Job("tokens_pruned", prune, lambda _: True, [("", 1.0)]),)
