"""Events of persons, alerts, mandatory qualifications and employments, each in the store or stores it is written to."""

import numpy as np
import polars as pl

from sandbox.domain import dates
from sandbox.population.event_rows import EventRows, add_legacy, add_process, in_words, raised_by, reasons
from sandbox.population.lifecycle import Lifecycle
from sandbox.population.people import People
from sandbox.population.vector import day, moment, uuids
from sandbox.population.world import World

_CREATED, _UPDATED_DETAILS, _DEACTIVATED, _REACTIVATED, _MERGED, _DIED = 24, 25, 26, 27, 29, 42
_ALERT_CREATED, _ALERT_UPDATED, _ALERT_DELETED, _ALERT_IMPORTED, _ALERT_MIGRATED = 39, 40, 41, 71, 73
_TPS_IMPORTED, _TRN_REQUESTED = 28, 14
_LEGACY_SHIFT = 16


def _details(prefix: str = "") -> pl.Expr:
    return pl.struct(
        FirstName=f"{prefix}first_name",
        MiddleName=f"{prefix}middle_name",
        LastName=f"{prefix}last_name",
        DateOfBirth=in_words("date_of_birth"),
        EmailAddress="email_address",
        NationalInsuranceNumber="national_insurance_number",
        Gender="gender",
    )


def person_events(
    rows: EventRows,
    world: World,
    chunk: int,
    people: People,
    life: Lifecycle,
    persons: pl.DataFrame,
    previous: pl.DataFrame,
) -> None:
    """Creation, changes of name, closing, merging and reopening. Those of TRS's time have one id in both stores."""
    rng = world.stream("person events", chunk)
    _created(rows, world, rng, people, persons)
    changed = previous.filter(pl.col("created_on") >= pl.lit(moment(dates.PEOPLE_MOVED)))
    old = changed.select(
        "row", "created_on", old_first_name="first_name", old_middle_name="middle_name", old_last_name="last_name"
    )
    facts = (
        persons.with_row_index("row")
        .with_columns(pl.col("row").cast(pl.Int64))
        .join(old, on="row", suffix="_change")
        .with_columns(created=pl.col("created_on_change"))
    )
    first_too = pl.when(pl.col("first_name") != pl.col("old_first_name")).then(1).otherwise(0)
    ids = uuids(rng, len(facts))
    body = {
        "PersonId": pl.col("person_id"),
        "PersonDetails": _details(),
        "OldPersonDetails": _details("old_"),
        "Changes": first_too | 4,
    }
    add_process(
        rows,
        world,
        rng,
        _UPDATED_DETAILS,
        "PersonDetailsUpdatedEvent",
        facts,
        body,
        event_id=ids,
        reason=reasons(rng, len(facts), ("MarriageOrCivilPartnership", "DeedPollOrOtherLegalProcess")),
    )
    add_legacy(
        rows,
        world,
        rng,
        "PersonDetailsUpdatedEvent",
        facts,
        {
            "PersonId": pl.col("person_id"),
            "PersonAttributes": _details(),
            "OldPersonAttributes": _details("old_"),
            "NameChangeReason": pl.lit("Marriage or civil partnership"),
            "Changes": (first_too | 4) * (1 << _LEGACY_SHIFT),
        },
        event_id=ids,
    )
    _closed(rows, world, rng, life, persons)
    _merged(rows, world, rng, people, life, persons)


def _created(rows: EventRows, world: World, rng: np.random.Generator, people: People, persons: pl.DataFrame) -> None:
    new = persons.filter(pl.Series(~people.migrated)).with_columns(created=pl.Series(people.created[~people.migrated]))
    by_tps, ids = pl.Series(people.by_tps[~people.migrated]), uuids(rng, len(new))
    body = {"PersonId": pl.col("person_id"), "Details": _details(), "TrnRequestMetadata": pl.lit(None, dtype=pl.String)}
    for process, chosen in (
        (_TPS_IMPORTED, by_tps),
        (_TRN_REQUESTED, ~by_tps & new["source_trn_request_id"].is_not_null()),
        (_CREATED, ~by_tps & new["source_trn_request_id"].is_null()),
    ):
        add_process(
            rows, world, rng, process, "PersonCreatedEvent", new.filter(chosen), body, event_id=ids.filter(chosen)
        )
    add_legacy(
        rows,
        world,
        rng,
        "PersonCreatedEvent",
        new,
        {
            "PersonId": pl.col("person_id"),
            "PersonAttributes": _details(),
            "CreateReason": pl.lit(None, dtype=pl.String),
            "CreateReasonDetail": pl.lit(None, dtype=pl.String),
            "EvidenceFile": pl.lit(None, dtype=pl.String),
        },
        event_id=ids,
    )


def _closed(rows: EventRows, world: World, rng: np.random.Generator, life: Lifecycle, persons: pl.DataFrame) -> None:
    """Deaths, other deactivations, and reactivations (each preceded by a deactivation five days before)."""
    touched = ~np.isnat(life.changed) & ~life.merged & (life.changed >= day(dates.PEOPLE_MOVED))
    died = ~np.isnat(life.died)
    facts = persons.select("person_id", "date_of_death").with_columns(created=pl.Series(life.changed))
    for process, mask, flags in (
        (_DIED, touched & died, 1 | 2),
        (_DEACTIVATED, touched & ~died & ~life.reactivated, 1),
        (_DEACTIVATED, touched & life.reactivated, 1),
    ):
        chosen = facts.filter(pl.Series(mask))
        if (mask & life.reactivated).any():
            chosen = chosen.with_columns(pl.col("created").dt.offset_by("-5d"))
        ids = uuids(rng, len(chosen))
        add_process(
            rows,
            world,
            rng,
            process,
            "PersonDeactivatedEvent",
            chosen,
            {
                "Changes": pl.lit(flags),
                "PersonId": pl.col("person_id"),
                "MergedWithPersonId": pl.lit(None, dtype=pl.String),
                "DateOfDeath": in_words("date_of_death"),
            },
            event_id=ids,
            reason=reasons(
                rng, len(chosen), ("RecordHolderDied",) if flags > 1 else ("ProblemWithTheRecord", "AnotherReason")
            ),
        )
        add_legacy(rows, world, rng, "PersonStatusUpdatedEvent", chosen, _status(1, 0), event_id=ids)
    again = facts.filter(pl.Series(touched & life.reactivated))
    ids = uuids(rng, len(again))
    add_process(
        rows,
        world,
        rng,
        _REACTIVATED,
        "PersonReactivatedEvent",
        again,
        {"Changes": pl.lit(1), "PersonId": pl.col("person_id")},
        event_id=ids,
        reason=reasons(rng, len(again), ("DeactivatedByMistake",)),
    )
    add_legacy(rows, world, rng, "PersonStatusUpdatedEvent", again, _status(0, 1), event_id=ids)


def _status(new: int, old: int) -> dict[str, pl.Expr]:
    return {
        "PersonId": pl.col("person_id"),
        "Status": pl.lit(new),
        "OldStatus": pl.lit(old),
        "Reason": pl.lit(None, dtype=pl.String),
        "ReasonDetail": pl.lit(None, dtype=pl.String),
        "EvidenceFile": pl.lit(None, dtype=pl.String),
        "DateOfDeath": in_words("date_of_death"),
    }


def _merged(
    rows: EventRows, world: World, rng: np.random.Generator, people: People, life: Lifecycle, persons: pl.DataFrame
) -> None:
    second = np.flatnonzero(life.merged & (life.changed >= day(dates.PEOPLE_MOVED)))
    retained = life.merged_with[second]
    facts = persons[retained].with_columns(
        created=pl.Series(life.changed[second]),
        secondary_id=people.person_id.gather(second),
        secondary_trn=people.trn.gather(second),
    )
    ids = uuids(rng, len(facts))
    add_process(
        rows,
        world,
        rng,
        _MERGED,
        "PersonDeactivatedEvent",
        facts,
        {
            "Changes": pl.lit(4),
            "PersonId": pl.col("secondary_id"),
            "MergedWithPersonId": pl.col("person_id"),
            "DateOfDeath": pl.lit(None, dtype=pl.String),
        },
        event_id=ids,
        persons=("secondary_id", "person_id"),
    )
    add_legacy(
        rows,
        world,
        rng,
        "PersonsMergedEvent",
        facts,
        {
            "PersonId": pl.col("person_id"),
            "PersonTrn": pl.col("trn"),
            "SecondaryPersonId": pl.col("secondary_id"),
            "SecondaryPersonTrn": pl.col("secondary_trn"),
            "SecondaryPersonStatus": pl.lit(1),
            "PersonAttributes": _details(),
            "OldPersonAttributes": _details(),
            "EvidenceFile": pl.lit(None, dtype=pl.String),
            "Comments": pl.lit(None, dtype=pl.String),
            "Changes": pl.lit(0),
        },
        event_id=ids,
        persons=("person_id", "secondary_id"),
    )


def _alert(end: pl.Expr | None = None) -> pl.Expr:
    return pl.struct(
        AlertId="alert_id",
        AlertTypeId="alert_type_id",
        Details="details",
        ExternalLink="external_link",
        StartDate=in_words("start_date"),
        EndDate=in_words("end_date") if end is None else end,
        DqtSpent=pl.when("migrated").then(pl.lit(False)),
        DqtSanctionCode=pl.when("migrated").then(
            pl.struct(SanctionCodeId="alert_type_id", Name="dqt_sanction_code", Value="dqt_sanction_code")
        ),
    )


def alert_events(rows: EventRows, world: World, chunk: int, alerts: pl.DataFrame) -> None:
    """Alerts of TRS's time in the newer store; those of DQT's copied to it from the older one with the same id."""
    rng = world.stream("alert events", chunk)
    body = {"PersonId": pl.col("person_id"), "Alert": _alert()}
    open_end = pl.lit(None, dtype=pl.String)
    native = alerts.filter(~pl.col("migrated")).with_columns(created=pl.col("created_on"))
    add_process(
        rows,
        world,
        rng,
        _ALERT_CREATED,
        "AlertCreatedEvent",
        native,
        {"PersonId": pl.col("person_id"), "Alert": _alert(open_end)},
        reason=reasons(
            rng, len(native), ("Routine notification from stakeholder", "Identified during data reconciliation")
        ),
    )
    closed = alerts.filter(pl.col("end_date").is_not_null() & ~pl.col("migrated")).with_columns(
        created=pl.col("updated_on")
    )
    add_process(
        rows,
        world,
        rng,
        _ALERT_UPDATED,
        "AlertUpdatedEvent",
        closed,
        {**body, "OldAlert": _alert(open_end), "Changes": pl.lit(16)},
        reason=reasons(rng, len(closed), ("EndDateSet",)),
    )
    deleted = alerts.filter(pl.col("deleted_on").is_not_null()).with_columns(created=pl.col("deleted_on"))
    add_process(
        rows,
        world,
        rng,
        _ALERT_DELETED,
        "AlertDeletedEvent",
        deleted,
        body,
        reason=reasons(rng, len(deleted), ("Added in error",)),
    )
    migrated = alerts.filter(pl.col("migrated"))
    moved = migrated.with_columns(
        created=pl.lit(moment(dates.ALERTS_MOVED)).cast(pl.Datetime("us")) + pl.duration(hours=3)
    )
    imported = migrated.with_columns(created=pl.col("created_on"))
    for process, name, facts, more in (
        (_ALERT_MIGRATED, "AlertMigratedEvent", moved, {"OldAlert": _alert()}),
        (_ALERT_IMPORTED, "AlertDqtImportedEvent", imported, {"DqtState": pl.lit(0)}),
    ):
        ids = uuids(rng, len(facts))
        key = {"Key": pl.concat_str("alert_id", pl.lit(f"-{name}"))}
        add_process(rows, world, rng, process, name, facts, {**body, **more}, event_id=ids, dqt_share=0.5)
        add_legacy(
            rows,
            world,
            rng,
            name,
            facts,
            {**key, **body, **more},
            event_id=ids,
            undated_share=0.1,
            raised=raised_by(world, rng, len(facts), dqt_share=0.5, system_share=0.5),
        )
