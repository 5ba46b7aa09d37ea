"""Messages to consumers: queued with the change that they report, delivered, tried again, abandoned."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from psycopg import sql

from sandbox.domain.numbers import SECRET_MARK
from sandbox.life.kinds import Job, Subject
from sandbox.life.scene import CalledOffError, Scene

# After the first attempt: then the message is abandoned.
_RETRY_AFTER = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
_KEPT_DAYS = 21
# The version of the API that brought each type: who asked for an older one gets no message.
_SINCE = {
    "alert.created": "20250804",
    "alert.updated": "20250804",
    "alert.deleted": "20250804",
    "one_login_user.updated": "20260224",
    "trn_request.completed": "20260224",
    "person.deactivated": "20260612",
}

_DUE = sql.SQL(
    """
    SELECT webhook_message_id, cardinality(delivery_attempts) AS attempts
    FROM webhook_messages
    WHERE next_delivery_attempt IS NOT NULL AND next_delivery_attempt <= %s
    ORDER BY next_delivery_attempt, webhook_message_id
    LIMIT 2000
    """
)
_DELIVERED = sql.SQL(
    """
    UPDATE webhook_messages
    SET delivered = %(when)s, next_delivery_attempt = NULL,
        delivery_attempts = delivery_attempts || %(when)s::timestamptz
    WHERE webhook_message_id = ANY(%(messages)s)
    """
)
_FAILED = sql.SQL(
    """
    UPDATE webhook_messages
    SET next_delivery_attempt = %s,
        delivery_attempts = delivery_attempts || %s::timestamptz,
        delivery_errors = delivery_errors || %s::text,
        failed_requests = failed_requests || %s::text
    WHERE webhook_message_id = %s
    """
)
_PRUNED = sql.SQL("DELETE FROM webhook_messages WHERE next_delivery_attempt IS NULL AND timestamp < %s")


def notify(scene: Scene, event_type: str, data: Mapping[str, Any]) -> None:
    """Queue a message for every consumer that asked for events of this type."""
    for endpoint in scene.lookup.webhook_endpoints:
        if event_type not in endpoint["cloud_event_types"] or endpoint["api_version"] < _SINCE[event_type]:
            continue
        scene.insert(
            "webhook_messages",
            {
                "webhook_message_id": scene.uuid(),
                "webhook_endpoint_id": endpoint["webhook_endpoint_id"],
                "cloud_event_id": str(scene.uuid()),
                "cloud_event_type": event_type,
                "timestamp": scene.when,
                "api_version": endpoint["api_version"],
                "data": dict(data),
                "next_delivery_attempt": scene.when,
                "delivered": None,
                "delivery_attempts": [],
                "delivery_errors": [],
                "failed_requests": [],
            },
        )


def deliver(scene: Scene, _: Subject) -> None:
    """Send what is due; a message that fails is tried again later and, after the last time, abandoned."""
    due = scene.all(_DUE, (scene.when,))
    if not due:
        raise CalledOffError
    failing = [message for message in due if scene.chance.random() < 0.05]
    failed = {message["webhook_message_id"] for message in failing}
    sent = [message["webhook_message_id"] for message in due if message["webhook_message_id"] not in failed]
    scene.cursor.execute(_DELIVERED, {"when": scene.when, "messages": sent})
    for message in failing:
        attempts = message["attempts"]
        again = scene.when + timedelta(seconds=_RETRY_AFTER[attempts]) if attempts < len(_RETRY_AFTER) else None
        problem = scene.chance.choice(["503 Service Unavailable", "The request timed out after 30 seconds"])
        request = f"POST / HTTP/1.1\r\ncontent-type: application/cloudevents+json\r\nsignature: {SECRET_MARK}-signed"
        scene.run(_FAILED, (again, scene.when, problem, request, message["webhook_message_id"]))


def prune(scene: Scene, _: Subject) -> bool:
    """Remove messages that were delivered or abandoned long ago."""
    return scene.run(_PRUNED, (scene.when - timedelta(days=_KEPT_DAYS),)) > 0


JOBS = (
    Job("webhooks_delivered", deliver, lambda _: True, [("morning", 9.5), ("noon", 12.5), ("evening", 18.5)]),
    Job("webhooks_pruned", prune, lambda _: True, [("", 1.2)]),
)
