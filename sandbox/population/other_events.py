"""A few events of every name that no other part writes: historic ones of DQT, and those of users, keys and web-hooks.

Their payloads are made from the committed list of shapes (`data/event_shapes.csv`): every field with a value of its
type. Events of application users hold made-up secrets, as the real ones hold real ones.
"""

import json
import re
from typing import Any, Final

import numpy as np
import polars as pl

from sandbox.domain import tables
from sandbox.domain.numbers import SECRET_MARK
from sandbox.population.event_rows import EventRows, add_process, raised_by
from sandbox.population.vector import DAY, at_work, between, uuids
from sandbox.population.world import World

_EACH: Final = 4
# Process types of the names below; others that nothing tells are sign-ins.
_PROCESS_TYPES: Final = {
    "AlertDqtDeactivatedEvent": 70,
    "AlertDqtReactivatedEvent": 72,
    "ApiKeyCreatedEvent": 52,
    "ApiKeyUpdatedEvent": 53,
    "ApplicationUserCreatedEvent": 50,
    "ApplicationUserUpdatedEvent": 51,
    "EmailSentEvent": 10,
    "MandatoryQualificationUpdatedEvent": 55,
    "NoteUpdatedEvent": 11,
    "OneLoginUserCreatedEvent": 36,
    "OneLoginUserUpdatedEvent": 44,
    "PersonImportedIntoDqtEvent": 3,
    "PersonUpdatedInDqtEvent": 4,
    "TrnRequestCreatedEvent": 14,
    "TrnRequestUpdatedEvent": 16,
    "UserActivatedEvent": 48,
    "UserAddedEvent": 46,
    "UserDeactivatedEvent": 49,
    "UserUpdatedEvent": 47,
    "WebhookEndpointCreatedEvent": 67,
    "WebhookEndpointDeletedEvent": 69,
    "WebhookEndpointUpdatedEvent": 68,
}


def other_events(rows: EventRows, world: World, persons: pl.DataFrame) -> None:
    """Adds some rows for every event name of each store that has none so far; persons are taken from the frame."""
    rng = world.stream("other events")
    present = {("events", name) for frame in rows.events for name in frame["event_name"].unique()}
    present |= {("process_events", name) for frame in rows.process_events for name in frame["event_name"].unique()}
    for shape in tables.rows("event_shapes"):
        store, name = shape["event_table"], shape["event_name"]
        if (store, name) in present:
            continue
        about_person = "PersonId:" in shape["payload_fields"]
        facts = persons.sample(_EACH, with_replacement=True, seed=int(rng.integers(1 << 31))).select(
            "person_id", "first_name", "last_name", "trn"
        )
        last = world.now - 2 * DAY
        facts = facts.with_columns(
            created=pl.Series(at_work(rng, between(rng, np.datetime64("2024-02-01"), last, _EACH)))
        )
        payloads = [_payload(rng, shape, person) for person in facts.iter_rows(named=True)]
        if store == "events":
            _legacy(rows, world, rng, name, facts, payloads, about_person)
        else:
            fields = pl.Series([json.dumps(p) for p in payloads])
            before = len(rows.process_events)
            add_process(
                rows,
                world,
                rng,
                _PROCESS_TYPES.get(name, 36),
                name,
                facts,
                {"Made": pl.lit(0)},
                persons=("person_id",) if about_person else (),
                dqt_share=1.0 if "Dqt" in name else 0.0,
            )
            frame = rows.process_events[before]
            head = pl.col("payload").str.extract(r'^(\{"EventId":"[^"]+")')
            rows.process_events[before] = frame.with_columns(
                payload=pl.concat_str(
                    head,
                    pl.when(pl.lit(fields) == "{}").then(pl.lit("")).otherwise(pl.lit(",")),
                    pl.lit(fields).str.slice(1),
                )
            )


def _legacy(
    rows: EventRows,
    world: World,
    rng: np.random.Generator,
    name: str,
    facts: pl.DataFrame,
    payloads: list[dict[str, Any]],
    about_person: bool,
) -> None:
    count = len(facts)
    ids = uuids(rng, count)
    raised = raised_by(world, rng, count, dqt_share=0.8 if "Dqt" in name else 0.1)
    texts = []
    for payload, identity, who, created in zip(payloads, ids, raised, facts["created"], strict=True):
        payload.pop("CreatedUtc", None)
        head = {"EventId": identity, "CreatedUtc": created.isoformat() + "Z", "RaisedBy": json.loads(who)}
        texts.append(json.dumps({**head, **{k: v for k, v in payload.items() if k not in head}}))
    person = "person_id" if about_person else pl.lit(None, dtype=pl.String)
    rows.events.append(
        facts.select(
            event_id=ids,
            event_name=pl.lit(name),
            created="created",
            inserted=pl.when(pl.int_range(pl.len()) == 0)
            .then(pl.lit("-infinity"))
            .otherwise(pl.col("created").dt.strftime("%Y-%m-%d %H:%M:%S%.6f+00")),
            payload=pl.Series(texts),
            published=pl.lit(True),
            person_id=person,
            person_ids=pl.concat_str(pl.lit("{"), "person_id", pl.lit("}")) if about_person else pl.lit("{}"),
            qualification_id=pl.lit(None, dtype=pl.String),
            alert_id=pl.lit(None, dtype=pl.String),
        )
    )


def _payload(rng: np.random.Generator, shape: dict[str, str], person: dict[str, Any]) -> dict[str, Any]:
    nested = {match[1]: match[2].split(",") for match in re.finditer(r"(\w+)\{([^}]*)\}", shape["nested_fields"])}
    payload: dict[str, Any] = {}
    for part in shape["payload_fields"].split("; "):
        field, kind = part.split(":", 1)
        if field in ("EventId", "RaisedBy", "CreatedUtc"):
            continue
        if field in nested:
            # Of an API key the key is the credential; in other events a key is what a row was found by.
            secret = {"Key"} if field.endswith("ApiKey") else set()
            payload[field] = {
                inner: _value(rng, inner, "credential" if inner in secret else "string", person)
                for inner in nested[field]
            }
        else:
            payload[field] = _value(rng, field, kind, person)
    return payload


def _value(rng: np.random.Generator, field: str, kind: str, person: dict[str, Any]) -> Any:
    """A value for a field, by its name first and its type second."""
    secret = any(word in field for word in ("Secret", "PrivateKey", "Token")) or kind == "credential"
    choices: tuple[tuple[bool, Any], ...] = (
        (field == "PersonId", person["person_id"]),
        (field == "FirstName", person["first_name"]),
        (field == "LastName", person["last_name"]),
        (field == "Trn", person["trn"]),
        (secret, f"{SECRET_MARK}-{rng.integers(1 << 40):x}"),
        (field == "Changes", 1),
        (field.endswith("Id") or kind.startswith("Guid"), uuids(rng, 1)[0]),
        ("Date" in field or kind.startswith("DateOnly"), _date(rng)),
        (field.endswith("On"), "2025-03-01T09:00:00Z"),
        (field in ("Status", "OldStatus", "DqtState", "Gender", "Specialism") or kind.startswith("int"), 1),
        (field.startswith("Is") or kind.startswith("bool") or field == "Enabled", True),
        (field.endswith(("Types", "Roles", "Uris", "Names", "Tickets")), []),
        ("Email" in field, "someone@example.com"),
        (kind.endswith("?"), None),
    )
    return next((value for applies, value in choices if applies), field)


def _date(rng: np.random.Generator) -> str:
    return str(np.datetime64("2005-01-01") + rng.integers(0, 7000) * DAY)
