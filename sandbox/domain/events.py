"""Events and their payloads: what the application writes for each of them, field by field.

`data/events.csv` has every event by store and name, `data/event_objects.csv` the objects that stand in payloads. A
field is filled from the column of the same name (`FirstName` from `first_name`) unless the list names another one after
`=`; `[]` marks fields that are a list and never null, `{}` those whose column holds JSON. `Changes` is a sum of flags:
a flag is set when the attribute that it names differs between an object and the old one (`Alert` and `OldAlert`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache, cached_property
from typing import Any, Literal
from uuid import UUID

from sandbox.domain.tables import rows

Store = Literal["events", "process_events"]
Row = Mapping[str, Any]
Payload = dict[str, Any]

HEAD = {"process_events": ("EventId",), "events": ("EventId", "CreatedUtc", "RaisedBy")}
"""The first fields of every payload of a store."""


@dataclass(frozen=True)
class ObjectShape:
    """An object in a payload: its fields with the columns that fill them, and which of them are lists or JSON."""

    name: str
    columns: Mapping[str, str]
    lists: frozenset[str]
    json: frozenset[str]
    flag_names: Mapping[str, str]
    """Flag -> field, where the two have different names."""

    def field_of(self, flag: str) -> str | None:
        """The field that a flag speaks of; None for a name of a group of flags, or for a flag of something else."""
        prefixes = ("", "Person", self.name, f"Person{self.name}")
        names = [self.flag_names.get(flag, ""), *(flag.removeprefix(p) for p in prefixes if flag.startswith(p))]
        return next((name for name in names if name in self.columns), None)


@dataclass(frozen=True)
class EventShape:
    """What is written for an event in one of the two stores."""

    store: Store
    name: str
    written: str
    """`today`, `mirror` (today, with the id of the event in the newer store), `historic`, `back-filled` or `never`."""
    process_type: int | None
    types: Mapping[str, str]
    """The payload's own fields with their types, in order."""
    flags: Mapping[str, int]

    @property
    def written_today(self) -> bool:
        """Whether the application still writes it."""
        return self.written in ("today", "mirror")

    @property
    def fields(self) -> tuple[str, ...]:
        """All fields of the payload, in order."""
        return (*HEAD[self.store], *self.types)

    @cached_property
    def objects(self) -> dict[str, ObjectShape]:
        """The fields that hold an object."""
        found = {field: objects().get(kind.rstrip("?")) for field, kind in self.types.items()}
        return {field: shape for field, shape in found.items() if shape is not None}

    @cached_property
    def tracked(self) -> tuple[tuple[str, str, int], ...]:
        """Field, attribute of its object, and the flag that says that the attribute changed."""
        pairs = {field: shape for field, shape in self.objects.items() if f"Old{field}" in self.objects}
        found = []
        for flag, bit in self.flags.items():
            named = ((field, shape.field_of(flag)) for field, shape in pairs.items())
            found += [(field, attribute, bit) for field, attribute in named if attribute is not None][:1]
        return tuple(found)


def column_of(field: str) -> str:
    """The column that a field has its value from, as a rule: `FirstName` -> `first_name`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", field).lower()


def _pairs(text: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in text.split())


@cache
def objects() -> Mapping[str, ObjectShape]:
    """Every object that stands in payloads, by name."""
    found = {}
    for row in rows("event_objects"):
        parts = re.findall(r"(\w+)(=?)(\w*)(\[\]|\{\})?", row["fields"])
        found[row["object"]] = ObjectShape(
            row["object"],
            {field: column if named else column_of(field) for field, named, column, _ in parts},
            frozenset(field for field, *_, kind in parts if kind == "[]"),
            frozenset(field for field, *_, kind in parts if kind == "{}"),
            _pairs(row["flags"]),
        )
    return found


@cache
def shapes() -> Mapping[tuple[str, str], EventShape]:
    """Every event by store and name."""
    found: dict[tuple[str, str], EventShape] = {}
    for row in rows("events"):
        store: Store = "events" if row["store"] == "events" else "process_events"
        found[store, row["event"]] = EventShape(
            store,
            row["event"],
            row["written"],
            int(row["process_type"]) if row["process_type"] else None,
            dict(part.split(":", 1) for part in row["fields"].split()),
            {name: int(bit) for name, bit in _pairs(row["flags"]).items()},
        )
    return found


def text(value: object) -> Any:
    """One value as JSON holds it: days, moments and identifiers are text."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, list | tuple):
        return [text(item) for item in value]
    return value


def state(name: str, row: Row, **values: Any) -> Payload:
    """A row as an object in a payload (`Alert`, `PersonDetails` …); `values` are fields that stand in no column."""
    shape = objects()[name]
    filled = {field: text(row.get(column)) for field, column in shape.columns.items()}
    filled |= {field: [] for field in shape.lists if filled[field] is None}
    return {**filled, **{field: text(value) for field, value in values.items()}}


def changes(name: str, values: Mapping[str, Any], store: Store = "process_events") -> int:
    """The `Changes` of an event: the flags of all attributes that differ between its objects and the old ones."""
    mask = 0
    for field, attribute, bit in shapes()[store, name].tracked:
        new, old = values.get(field), values.get(f"Old{field}")
        if new is not None and old is not None and new.get(attribute) != old.get(attribute):
            mask |= bit
    return mask


def flag(name: str, *flags: str, store: Store = "process_events") -> int:
    """The sum of some flags of an event."""
    return sum(shapes()[store, name].flags[flag] for flag in flags)


def payload(name: str, values: Mapping[str, Any], store: Store = "process_events") -> Payload:
    """The payload of an event: fields left out are null, `Changes` is worked out, unknown fields raise KeyError."""
    shape = shapes()[store, name]
    unknown = values.keys() - set(shape.fields)
    if unknown:
        raise KeyError(f"{name} in {store} has no field {', '.join(sorted(unknown))}")
    filled = {field: text(values.get(field)) for field in shape.fields}
    if "Changes" in filled and "Changes" not in values:
        filled["Changes"] = changes(name, values, store)
    return filled


def file(file_id: UUID | str, name: str) -> Payload:
    """A file that was uploaded as evidence."""
    return {"FileId": str(file_id), "Name": name}


def change_reason(
    reason: str | None,
    details: str | None = None,
    evidence: Payload | None = None,
    kind: str = "ChangeReasonWithDetailsAndEvidence",
    **more: Any,
) -> Payload:
    """Why a process was started, as `processes.change_reason` keeps it."""
    return {"$change-reason-type": kind, "Reason": reason, "Details": details, "EvidenceFile": evidence, **more}
