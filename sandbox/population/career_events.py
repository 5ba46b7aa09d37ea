"""Events of mandatory qualifications (copied to the newer store) and of employments (in the older store only)."""

import polars as pl

from sandbox.domain import dates
from sandbox.population.arrays import moment
from sandbox.population.draw import chance, uuids
from sandbox.population.employments import extract_days
from sandbox.population.event_log import EventLog, obj


def mq_events(log: EventLog, qualifications: pl.DataFrame) -> None:
    """Mandatory qualifications: created in the newer store if of TRS's time, else a copied event of the older one."""
    events = log.writer("mq events")
    provider = pl.struct(
        MandatoryQualificationProviderId="mq_provider_id",
        Name="mq_provider_name",
        DqtMqEstablishmentId="dqt_mq_establishment_id",
    )
    values = {"MandatoryQualification": obj(Provider=provider)}
    old = pl.col("created_on") < pl.lit(moment(dates.MQS_MOVED))
    before, created = qualifications.filter(old), "MandatoryQualificationCreatedEvent"
    ids = uuids(events.rng, len(before))
    events.process(created, qualifications.filter(~old), values)
    events.process(created, before, values, ids=ids, dqt_share=0.6)
    events.legacy(created, before, values, ids=ids, undated_share=0.1, dqt_share=0.7)
    deleted = qualifications.filter(pl.col("deleted_on").is_not_null())
    events.process("MandatoryQualificationDeletedEvent", deleted, values, at="deleted_on")


def employment_events(log: EventLog, employments: pl.DataFrame) -> None:
    """Employments first seen in the last year, and a sample of what the newest extract changed."""
    events = log.writer("employment events")
    extracts = extract_days(log.world.today)
    year_ago, newest = moment(extracts[max(0, len(extracts) - 12)]), extracts[-1]
    new = employments.filter(pl.col("created_on") >= pl.lit(year_ago))
    events.legacy("TpsEmploymentCreatedEvent", new, {"TpsEmployment": obj()}, system_share=1.0)
    seen = employments.filter(
        (pl.col("last_extract_date") == pl.lit(newest).cast(pl.Date)) & (pl.col("created_on") < pl.lit(moment(newest)))
    )
    seen = seen.filter(pl.Series(chance(events.rng, len(seen), 0.06)))
    before = pl.col("last_extract_date").dt.offset_by("-1mo")
    old = obj(
        LastExtractDate=before.dt.strftime("%Y-%m-%d"),
        LastKnownTpsEmployedDate=pl.min_horizontal("last_known_tps_employed_date", before).dt.strftime("%Y-%m-%d"),
        EndDate=None,
    )
    values = {"TpsEmployment": obj(), "OldTpsEmployment": old}
    events.legacy("TpsEmploymentUpdatedEvent", seen, values, at="updated_on", system_share=1.0)
