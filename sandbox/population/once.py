"""Rows that are made once for the whole world: users, establishments, providers, and the plumbing of the service."""

import json
from collections.abc import Iterator

import numpy as np
import polars as pl

from sandbox.domain.names import synonyms
from sandbox.domain.numbers import SECRET_MARK
from sandbox.population import users
from sandbox.population.establishments import tps_establishments
from sandbox.population.extracts import extract_files
from sandbox.population.person_plumbing import AWARD_JOBS, award_jobs
from sandbox.population.vector import DAY, NO_MOMENT, at_work, between, uuids
from sandbox.population.world import World

_CLOUD_EVENTS = (
    "ping",
    "alert.created",
    "alert.updated",
    "alert.deleted",
    "one_login_user.updated",
    "trn_request.completed",
    "person.deactivated",
)


def opening_frames(world: World) -> Iterator[tuple[str, pl.DataFrame]]:
    """What the people refer to."""
    yield "users", world.users.users
    yield "api_keys", world.users.api_keys
    yield "training_providers", world.providers.frame()
    yield "establishments", world.establishments.gias
    yield "tps_establishments", tps_establishments(world.seed, world.establishments)
    yield "tps_csv_extracts", extract_files(world)
    yield "name_synonyms", _synonyms()
    for kind in AWARD_JOBS:
        yield f"{kind.name}_emails_jobs", award_jobs(world, kind)


def closing_frames(world: World) -> Iterator[tuple[str, pl.DataFrame]]:
    """What hangs on no person: sign-in tokens, web-hooks, journals and job states."""
    yield from _sign_in(world)
    yield from _webhooks(world)
    rng = world.stream("plumbing")
    stamp = str((world.now - DAY).astype("datetime64[s]")) + "Z"
    yield (
        "job_metadata",
        pl.DataFrame(
            {
                "job_name": [
                    "SendQtsAwardedEmailsJob",
                    "CapitaExportNewJob",
                    "CapitaExportAmendJob",
                    "EwcWalesImportJob",
                ],
                "metadata": [json.dumps({"LastRunDate": stamp})] * 4,
            }
        ),
    )
    yield "outbox_message_processor_metadata", pl.DataFrame({"key": ["LastProcessedMessage"], "value": [stamp]})
    yield (
        "entity_changes_journals",
        pl.DataFrame(
            {
                "key": ["DqtReporting", "DqtReporting", "TrsSync"],
                "entity_logical_name": ["contact", "dfeta_qualification", "contact"],
                "data_token": ["919042!10/31/2025 23:59:59", "919045!10/31/2025 23:59:59", None],
                "last_updated": at_work(rng, np.full(3, np.datetime64("2025-11-03"))),
                "last_updated_by": ["reporting", "reporting", "worker"],
                "next_query_page_number": [1, None, 3],
                "next_query_page_size": [50, None, 1000],
                "next_query_paging_cookie": [None, None, "<cookie page='2'/>"],
            }
        ),
    )
    count = 12
    made = at_work(rng, between(rng, world.now - 900 * DAY, world.now - 400 * DAY, count))
    yield (
        "trn_requests",
        pl.DataFrame(
            {
                "trn_request_id": np.arange(1, count + 1),
                "client_id": ["register", "npq"] * 6,
                "request_id": uuids(rng, count),
                "teacher_id": uuids(rng, count),
                "identity_user_id": uuids(rng, count),
                "linked_to_identity": [True, False, False] * 4,
                "trn_token": [f"{SECRET_MARK}-{i}" for i in uuids(rng, count)],
            }
        ),
    )
    yield (
        "authz_registration_tokens",
        pl.DataFrame(
            {
                "token": [f"{SECRET_MARK}-{i}" for i in uuids(rng, count)],
                "trn": ["0100001", "0100002"] * 6,
                "emailaddress": [f"Teacher{i}@Example.com" for i in range(count)],
                "created_utc": made,
                "expires_utc": made + 7 * DAY,
                "is_active": [True, False] * 6,
            }
        ),
    )


def _synonyms() -> pl.DataFrame:
    rows = synonyms()
    return pl.DataFrame(
        {
            "name_synonyms_id": np.arange(1, len(rows) + 1),
            "name": [name for name, _ in rows],
            "synonyms": ['{"' + '","'.join(others) + '"}' for _, others in rows],
        }
    )


def _sign_in(world: World) -> Iterator[tuple[str, pl.DataFrame]]:
    rng = world.stream("oidc")
    slugs = [name.lower() for name in world.users.application_short_names]
    count = len(slugs)
    ids = uuids(rng, count)
    yield (
        "oidc_applications",
        pl.DataFrame(
            {
                "id": ids,
                "application_type": ["web"] * count,
                "client_id": slugs,
                "client_secret": [f"{SECRET_MARK}-{i}" for i in uuids(rng, count)],
                "client_type": ["confidential"] * count,
                "concurrency_token": uuids(rng, count),
                "consent_type": ["implicit"] * count,
                "display_name": list(world.users.application_names),
                "permissions": ['["ept:authorization","ept:token","gt:authorization_code"]'] * count,
                "redirect_uris": [f'["https://{slug}.example.org/callback"]' for slug in slugs],
            }
        ),
    )
    scopes = ["teaching_record", "email", "profile"]
    yield (
        "oidc_scopes",
        pl.DataFrame(
            {
                "id": uuids(rng, 3),
                "concurrency_token": uuids(rng, 3),
                "name": scopes,
                "display_name": scopes,
                "resources": ['["teaching-record"]'] * 3,
            }
        ),
    )
    number = 40
    owner = rng.integers(0, count, number)
    authorization = uuids(rng, number)
    made = at_work(rng, between(rng, world.now - 30 * DAY, world.now - DAY, number))
    subject = [f"urn:fdc:gov.uk:2022:{i.replace('-', '')}" for i in uuids(rng, number)]
    yield (
        "oidc_authorizations",
        pl.DataFrame(
            {
                "id": authorization,
                "application_id": ids.gather(owner),
                "concurrency_token": uuids(rng, number),
                "creation_date": made,
                "scopes": ['["teaching_record"]'] * number,
                "status": ["valid", "revoked"] * (number // 2),
                "subject": subject,
                "type": ["ad-hoc"] * number,
            }
        ),
    )
    yield (
        "oidc_tokens",
        pl.DataFrame(
            {
                "id": uuids(rng, number),
                "application_id": ids.gather(owner),
                "authorization_id": authorization,
                "concurrency_token": uuids(rng, number),
                "creation_date": made,
                "expiration_date": made + np.timedelta64(1, "h"),
                "payload": [f"{SECRET_MARK}-{i}" for i in uuids(rng, number)],
                "reference_id": uuids(rng, number),
                "status": ["valid", "redeemed"] * (number // 2),
                "subject": subject,
                "type": ["access_token", "authorization_code"] * (number // 2),
            }
        ),
    )


def _webhooks(world: World) -> Iterator[tuple[str, pl.DataFrame]]:
    """Four endpoints, one of them deleted, and messages in every state: delivered, waiting, given up."""
    rng = world.stream("webhooks")
    owners = [world.users.application(n) for n in (users.SET, users.NPQ, users.CPD, users.EWC)]
    ids = uuids(rng, 4)
    made = at_work(rng, np.full(4, np.datetime64("2025-08-05")))
    gone = np.array(["NaT", "NaT", "NaT", "2025-12-01T10:00:00"], "datetime64[us]")
    yield (
        "webhook_endpoints",
        pl.DataFrame(
            {
                "webhook_endpoint_id": ids,
                "application_user_id": owners,
                "address": [f"https://hooks{i}.example.org/trs" for i in range(4)],
                "api_version": ["20250804", "20260515", "20260612", "20250804"],
                "cloud_event_types": ["{" + ",".join(_CLOUD_EVENTS) + "}"] * 4,
                "enabled": [True, True, True, False],
                "created_on": made,
                "updated_on": np.where(np.isnat(gone), made, gone),
                "deleted_on": gone,
            }
        ),
    )
    count = int(min(5000, max(60, world.people // 100)))
    owner = rng.integers(0, 3, count)
    sent = np.sort(at_work(rng, between(rng, world.now - 90 * DAY, world.now - 2 * DAY, count)))
    state = rng.choice([0, 1, 2], count, p=[0.94, 0.03, 0.03])
    nothing = NO_MOMENT
    kinds = rng.integers(0, len(_CLOUD_EVENTS), count)
    first = [str(s) + "+00" for s in sent]
    data = [
        '{"trn": "' + f"{t:07d}" + '", "type": "' + _CLOUD_EVENTS[k] + '"}'
        for t, k in zip(rng.integers(100_000, 104_999, count), kinds, strict=True)
    ]
    failed = ['{"500 Internal Server Error"}' if s else "{}" for s in state]
    yield (
        "webhook_messages",
        pl.DataFrame(
            {
                "webhook_message_id": uuids(rng, count),
                "webhook_endpoint_id": ids.gather(owner),
                "cloud_event_id": uuids(rng, count),
                "cloud_event_type": [_CLOUD_EVENTS[k] for k in kinds],
                "timestamp": sent,
                "api_version": pl.Series(["20250804", "20260515", "20260612"]).gather(owner),
                "data": data,
                "next_delivery_attempt": np.where(state == 1, sent + np.timedelta64(2, "h"), nothing),
                "delivered": np.where(state == 0, sent + np.timedelta64(3, "s"), nothing),
                "delivery_attempts": ['{"' + f + '"}' for f in first],
                "delivery_errors": failed,
                "failed_requests": failed,
            }
        ),
    )
