"""Payloads of events: exactly the fields that the application writes for each event today."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, Literal
from uuid import UUID

from sandbox.life.payloads.models import Payload, text

Store = Literal["events", "process_events"]


@dataclass(frozen=True)
class EventShape:
    """What is written for an event in one of the two stores."""

    store: Store
    name: str
    fields: tuple[str, ...]
    nested: Mapping[str, tuple[str, ...]]
    mirror: bool
    flags: Mapping[str, int]


@cache
def shapes() -> Mapping[tuple[str, str], EventShape]:
    """Every event that is written today, by store and name."""
    found: dict[tuple[str, str], EventShape] = {}
    with (files("sandbox.life.payloads") / "event_fields.csv").open(encoding="utf-8") as lines:
        for line in csv.DictReader(lines):
            nested = {}
            for part in filter(None, line["nested"].split(" | ")):
                name, _, inner = part.partition("{")
                nested[name.strip()] = tuple(inner.rstrip("}").split(","))
            flags = (pair.partition("=") for pair in line["change_flags"].split())
            store: Store = "events" if line["event_table"] == "events" else "process_events"
            found[store, line["event_name"]] = EventShape(
                store=store,
                name=line["event_name"],
                fields=tuple(line["fields"].split()),
                nested=nested,
                mirror=line["write_status"] == "mirror",
                flags={name: int(number) for name, _, number in flags},
            )
    return found


def process_event(name: str, event_id: UUID, values: Mapping[str, Any]) -> Payload:
    """The payload of an event in `process_events`; fields left out are null, unknown ones are refused."""
    return _filled(shapes()["process_events", name], {"EventId": event_id, **values})


def legacy_event(name: str, event_id: UUID, created: datetime, raised_by: UUID, values: Mapping[str, Any]) -> Payload:
    """The payload of an event in `events`, which also says when and by whom."""
    head = {"EventId": event_id, "CreatedUtc": created, "RaisedBy": raised_by}
    return _filled(shapes()["events", name], {**head, **values})


def _filled(shape: EventShape, values: Mapping[str, Any]) -> Payload:
    unknown = values.keys() - set(shape.fields)
    if unknown:
        raise KeyError(f"{shape.name} in {shape.store} has no field {', '.join(sorted(unknown))}")
    return {field: text(values.get(field)) for field in shape.fields}


def change_reason(
    reason: str,
    details: str | None = None,
    evidence: Payload | None = None,
    kind: str = "ChangeReasonWithDetailsAndEvidence",
) -> Payload:
    """Why a process was started, as `processes.change_reason` keeps it."""
    return {"$change-reason-type": kind, "Reason": reason, "Details": details, "EvidenceFile": evidence}


def details_change_reason(
    reason: str | None, details: str | None, name_reason: str | None, evidence: Payload | None = None
) -> Payload:
    """The reason for a change of details, which may have one of its own for the name."""
    return {
        **change_reason(reason or "", details, None, "PersonDetailsChangeReasonInfo"),
        "Reason": reason,
        "NameChangeReason": name_reason,
        "NameChangeEvidenceFile": evidence,
    }
