"""Rows that are made once for the whole world: users, establishments, providers, and the plumbing of the service."""

from collections.abc import Iterator
from importlib.resources import files
from itertools import cycle, islice
from typing import Any

import numpy as np
import polars as pl

from sandbox.domain import award_emails
from sandbox.domain.names import synonyms
from sandbox.domain.numbers import SECRET_MARK, SIGN_IN_LINK
from sandbox.domain.tables import words
from sandbox.population import users
from sandbox.population.arrays import DAY, NO_MOMENT
from sandbox.population.draw import at_work, between, uuids
from sandbox.population.establishments import tps_establishments
from sandbox.population.extracts import extract_files
from sandbox.population.person_plumbing import award_jobs
from sandbox.population.series import as_json, numerals, text, where
from sandbox.population.world import World
from warehouse.core import fast_yaml


def opening_frames(world: World) -> Iterator[tuple[str, pl.DataFrame]]:
    """What the people refer to."""
    yield "users", world.users.users
    yield "api_keys", world.users.api_keys
    yield "training_providers", world.providers.frame
    yield "establishments", world.establishments.gias
    yield "tps_establishments", tps_establishments(world.seed, world.establishments)
    yield "tps_csv_extracts", extract_files(world)
    yield "name_synonyms", _synonyms()
    for kind in award_emails.ALL:
        yield kind.jobs, award_jobs(world, kind)


def closing_frames(world: World) -> Iterator[tuple[str, pl.DataFrame]]:
    """What hangs on no person: sign-in tokens, web-hooks, journals and job states."""
    rng = world.stream("plumbing")
    slugs = [name.lower() for name in world.users.application_short_names]
    owner = rng.integers(0, len(slugs), 40)
    applications, authorizations = uuids(rng, len(slugs)), uuids(rng, len(owner))
    made = at_work(rng, between(rng, world.now - 30 * DAY, world.now - DAY, len(owner)))
    asked = at_work(rng, between(rng, world.now - 900 * DAY, world.now - 400 * DAY, 12))
    known = {
        "yesterday": f"{(world.moment - DAY).astype('datetime64[s]')}Z",
        "moved": at_work(rng, np.full(3, np.datetime64("2025-11-03"))),
        "serial": np.arange(1, 13),
        "asked": asked,
        "expires": asked + 7 * DAY,
        "application": applications,
        "slug": slugs,
        "application_name": world.users.application_names,
        "redirects": [f'["https://{slug}.example.org/callback"]' for slug in slugs],
        "owner": applications.gather(owner),
        "authorization": authorizations,
        "signed_in": made,
        "an_hour_later": made + np.timedelta64(1, "h"),
        "subject": text("urn:fdc:gov.uk:2022:", uuids(rng, len(owner)).str.replace_all("-", "")),
    }
    plumbing = fast_yaml.safe_load((files("sandbox.population") / "plumbing.yml").read_text(encoding="utf-8"))
    for table, (count, columns) in plumbing.items():
        yield table, pl.DataFrame({name: _column(rng, count, value, known) for name, value in columns.items()})
    yield from _webhooks(world)


def _column(rng: np.random.Generator, count: int, value: Any, known: dict[str, Any]) -> Any:
    """A column of `plumbing.yml`: one value for all rows, several by turns, or what is `known` by a name."""
    if value == "$uuid":
        return uuids(rng, count)
    if value == "$secret":
        return text(f"{SECRET_MARK}-", uuids(rng, count))
    if isinstance(value, str) and value.startswith("$"):
        value = known[value[1:]]
    if isinstance(value, str):
        value = value.replace("{yesterday}", known["yesterday"])
    return value if isinstance(value, pl.Series | np.ndarray) else _by_turns(value, count)


def _by_turns(value: Any, count: int) -> list[Any]:
    return list(islice(cycle(value if isinstance(value, list | tuple) else [value]), count))


def _synonyms() -> pl.DataFrame:
    rows = synonyms()
    return pl.DataFrame(
        {
            "name_synonyms_id": np.arange(1, len(rows) + 1),
            "name": [name for name, _ in rows],
            "synonyms": ['{"' + '","'.join(others) + '"}' for _, others in rows],
        }
    )


def _webhooks(world: World) -> Iterator[tuple[str, pl.DataFrame]]:
    """Four endpoints, one of them deleted, and messages in every state: delivered, waiting, abandoned."""
    rng, kinds = world.stream("webhooks"), words("cloud_event")
    ids, versions = uuids(rng, 4), ("20250804", "20260515", "20260612", "20250804")
    made = at_work(rng, np.full(4, np.datetime64("2025-08-05")))
    gone = np.array(["NaT", "NaT", "NaT", "2025-12-01T10:00:00"], "datetime64[us]")
    endpoints = {
        "webhook_endpoint_id": ids,
        "application_user_id": [world.users.application(n) for n in (users.SET, users.NPQ, users.CPD, users.EWC)],
        "address": [f"https://hooks{number}.example.org/trs" for number in range(4)],
        "api_version": versions,
        "cloud_event_types": ["{" + ",".join(kinds) + "}"] * 4,
        "enabled": np.isnat(gone),
        "created_on": made,
        "updated_on": np.where(np.isnat(gone), made, gone),
        "deleted_on": gone,
    }
    yield "webhook_endpoints", pl.DataFrame(endpoints)
    count = int(min(5000, max(60, world.people // 100)))
    owner, kind = rng.integers(0, 3, count), rng.integers(0, len(kinds), count)
    sent = np.sort(at_work(rng, between(rng, world.now - 90 * DAY, world.now - 2 * DAY, count)))
    waiting, given_up = (rng.choice([0, 1, 2], count, p=[0.94, 0.03, 0.03]) == state for state in (1, 2))
    of = {
        "trn": [f"{number:07d}" for number in rng.integers(100_000, 104_999, count)],
        "type": [kinds[k] for k in kind],
    }
    failed = where(waiting | given_up, '{"500 Internal Server Error"}', "{}")
    requests = where(waiting | given_up, f'{{"POST / HTTP/1.1 signature: {SECRET_MARK}-signed"}}', "{}")
    messages = {
        "webhook_message_id": uuids(rng, count),
        "webhook_endpoint_id": ids.gather(owner),
        "cloud_event_id": uuids(rng, count),
        "cloud_event_type": of["type"],
        "timestamp": sent,
        "api_version": pl.Series(versions).gather(owner),
        "data": [
            as_json({"trn": trn, "type": name, "link": SIGN_IN_LINK + trn})
            for trn, name in zip(*of.values(), strict=True)
        ],
        "next_delivery_attempt": np.where(waiting, sent + np.timedelta64(2, "h"), NO_MOMENT),
        "delivered": np.where(waiting | given_up, NO_MOMENT, sent + np.timedelta64(3, "s")),
        "delivery_attempts": text('{"', numerals(sent), '+00"}'),
        "delivery_errors": failed,
        "failed_requests": requests,
    }
    yield "webhook_messages", pl.DataFrame(messages)
