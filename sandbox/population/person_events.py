"""Events of persons and alerts, each in the store or stores it is written to."""

from typing import Any

import numpy as np
import polars as pl

from sandbox.domain import dates
from sandbox.domain.codes import PersonStatus, ProcessType
from sandbox.domain.events import flag
from sandbox.domain.tables import words
from sandbox.population.arrays import DAY, Mask, moment
from sandbox.population.draw import uuids
from sandbox.population.event_log import EventLog, EventWriter, Values, obj
from sandbox.population.lifecycle import Lifecycle
from sandbox.population.people import People

_NAMES = {"FirstName": "first_name", "MiddleName": "middle_name", "LastName": "last_name"}


def person_events(
    log: EventLog, people: People, life: Lifecycle, persons: pl.DataFrame, previous: pl.DataFrame
) -> None:
    """Creation, changes of name, closing, merging and reopening. Those of TRS's time have one id in both stores."""
    events = log.writer("person events")
    _created(events, people, persons)
    _renamed(events, persons, previous)
    _closed(events, life, persons)
    _merged(events, people, life, persons)


def _created(events: EventWriter, people: People, persons: pl.DataFrame) -> None:
    facts = persons.with_columns(created=pl.Series(people.created), by_tps=pl.Series(people.by_tps))
    facts = facts.filter(~people.migrated)
    requested = ~pl.col("by_tps") & pl.col("source_trn_request_id").is_not_null()
    for process_type, chosen in (
        (ProcessType.PENSIONS_IMPORTING, pl.col("by_tps")),
        (ProcessType.TRN_REQUEST_CREATING, requested),
        (ProcessType.PERSON_CREATING, ~pl.col("by_tps") & ~requested),
    ):
        legacy: tuple[str, Values] = ("PersonCreatedEvent", {"PersonAttributes": obj()})
        how: dict[str, Any] = {"at": "created", "process_type": process_type}
        events.both("PersonCreatedEvent", facts.filter(chosen), {"Details": obj()}, *legacy, **how)


def _renamed(events: EventWriter, persons: pl.DataFrame, previous: pl.DataFrame) -> None:
    changed = previous.filter(pl.col("created_on") >= pl.lit(moment(dates.PEOPLE_MOVED)))
    old = changed.select("row", changed="created_on", **{f"old_{part}": part for part in _NAMES.values()})
    facts = persons.with_row_index("row").with_columns(pl.col("row").cast(pl.Int64)).join(old, on="row")
    before = obj({field: pl.col(f"old_{part}") for field, part in _NAMES.items()})
    events.both(
        "PersonDetailsUpdatedEvent",
        facts,
        {"PersonDetails": obj(), "OldPersonDetails": before},
        "PersonDetailsUpdatedEvent",
        {"PersonAttributes": obj(), "OldPersonAttributes": before, "NameChangeReason": words("name_reason")[0]},
        at="changed",
        reasons=words("name_reason"),
    )


def _closed(events: EventWriter, life: Lifecycle, persons: pl.DataFrame) -> None:
    """Deaths, other deactivations, and reactivations (each preceded by a deactivation five days before)."""
    touched = ~np.isnat(life.changed) & ~life.merged & (life.changed >= moment(dates.PEOPLE_MOVED))
    died = ~np.isnat(life.died)
    moments = {"changed": pl.Series(life.changed), "before": pl.Series(life.changed - 5 * DAY)}
    facts = persons.select("person_id", "date_of_death").with_columns(**moments)
    status = flag("PersonDeactivatedEvent", "PersonStatus")
    dead, problem = words("deactivate_reason")[:1], words("deactivate_reason")[1:]

    def record(name: str, mask: Mask, at: str, changes: int, status: int, reasons: tuple[str, ...], **how: int) -> None:
        legacy = {"Status": status, "OldStatus": 1 - status}
        events.both(
            name,
            facts.filter(mask),
            {"Changes": changes},
            "PersonStatusUpdatedEvent",
            legacy,
            at=at,
            reasons=reasons,
            **how,
        )

    deactivated = PersonStatus.DEACTIVATED
    both = flag("PersonDeactivatedEvent", "PersonStatus", "DateOfDeath")
    name = "PersonDeactivatedEvent"
    record(name, touched & died, "changed", both, deactivated, dead, process_type=ProcessType.DECEASED)
    record(name, touched & ~died & ~life.reactivated, "changed", status, deactivated, problem)
    record(name, touched & life.reactivated, "before", status, deactivated, problem)
    again = touched & life.reactivated
    record("PersonReactivatedEvent", again, "changed", status, PersonStatus.ACTIVE, words("reactivate_reason")[:1])


def _merged(events: EventWriter, people: People, life: Lifecycle, persons: pl.DataFrame) -> None:
    second = np.flatnonzero(life.merged & (life.changed >= moment(dates.PEOPLE_MOVED)))
    facts = persons[life.merged_with[second]].with_columns(
        changed=pl.Series(life.changed[second]),
        secondary_person_id=people.person_id.gather(second),
        secondary_person_trn=people.trn.gather(second),
    )
    ids = uuids(events.rng, len(facts))
    values: Values = {
        "PersonId": pl.col("secondary_person_id"),
        "MergedWithPersonId": pl.col("person_id"),
        "DateOfDeath": None,
        "Changes": flag("PersonDeactivatedEvent", "MergedWithPersonId"),
    }
    how: dict[str, Any] = {
        "at": "changed",
        "ids": ids,
        "persons": ("secondary_person_id",),
        "process_type": ProcessType.MERGING,
    }
    events.process("PersonDeactivatedEvent", facts, values, **how)
    values = {
        "PersonTrn": pl.col("trn"),
        "SecondaryPersonStatus": PersonStatus.DEACTIVATED,
        "PersonAttributes": obj(),
        "OldPersonAttributes": obj(),
    }
    both = ("person_id", "secondary_person_id")
    events.legacy("PersonsMergedEvent", facts, values, at="changed", ids=ids, persons=both)


def alert_events(log: EventLog, alerts: pl.DataFrame) -> None:
    """Alerts of TRS's time in the newer store; those of DQT's copied to it from the older one with the same id."""
    events = log.writer("alert events")
    native, migrated = alerts.filter(~pl.col("migrated")), alerts.filter("migrated")
    entered = ("Routine notification from stakeholder", "Identified during data reconciliation")
    code = pl.struct(SanctionCodeId="alert_type_id", Name="dqt_sanction_code", Value="dqt_sanction_code")
    dqt = {"DqtSpent": pl.when("migrated").then(pl.lit(False)), "DqtSanctionCode": pl.when("migrated").then(code)}
    alert, still_open = obj(dqt), obj(EndDate=None, **dqt)
    events.process("AlertCreatedEvent", native, {"Alert": still_open}, reasons=entered)
    closed = native.filter(pl.col("end_date").is_not_null())
    ended = {"Alert": alert, "OldAlert": still_open}
    events.process("AlertUpdatedEvent", closed, ended, at="updated_on", reasons=("End of the sanction",))
    deleted = alerts.filter(pl.col("deleted_on").is_not_null())
    events.process("AlertDeletedEvent", deleted, {"Alert": alert}, at="deleted_on", reasons=("Added in error",))
    moved = pl.lit(moment(dates.ALERTS_MOVED)).cast(pl.Datetime("us")) + pl.duration(hours=3)
    migrated = migrated.with_columns(moved=moved)
    copied: tuple[tuple[str, str, Values], ...] = (
        ("AlertMigratedEvent", "moved", {"Alert": alert, "OldAlert": alert}),
        ("AlertDqtImportedEvent", "created_on", {"Alert": alert, "DqtState": 0}),
    )
    for name, at, values in copied:
        ids = uuids(events.rng, len(migrated))
        events.process(name, migrated, values, at=at, ids=ids, dqt_share=0.5)
        keyed = {"Key": pl.concat_str("alert_id", pl.lit(f"-{name}")), **values}
        events.legacy(name, migrated, keyed, at=at, ids=ids, undated_share=0.1, dqt_share=0.5, system_share=0.5)
