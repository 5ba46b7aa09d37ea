"""The rules of preflight. Pure: facts in, checks out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from warehouse.core.errors import (
    ClassificationError,
    MissingPrivilege,
    NotOurs,
    ReplicationError,
    SetupError,
    SourceNotReady,
    WalLevelNotLogical,
)
from warehouse.core.postgres.binaries import OLDEST
from warehouse.replicate.catalog.identity import Identity, remedy
from warehouse.replicate.preflight.facts import Source, Warehouse

Kind = type[ClassificationError | NotOurs | SourceNotReady | ReplicationError | SetupError]

SYNCED_SLOTS = 17
"""From this version on a server can keep logical slots on its standbys by itself."""


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        subject: a stable name.
        what: what is so, in a sentence.
        next_command: for a warning or a failure, what to do.
        error: the kind of error that a failure is told as when something is set up.
    """

    subject: str
    state: Literal["ok", "warning", "failed"]
    what: str
    next_command: str | None = None
    error: Kind = SourceNotReady


def ok(subject: str, what: str) -> Check:
    return Check(subject, "ok", what)


def warning(subject: str, what: str, next_command: str) -> Check:
    return Check(subject, "warning", what, next_command)


def failed(subject: str, what: str, next_command: str, error: Kind = SourceNotReady) -> Check:
    return Check(subject, "failed", what, next_command, error)


def checks(source: Source, warehouse: Warehouse, wanted: Mapping[str, Sequence[str]], budget_bytes: int) -> list[Check]:
    """Every check, in the order in which a person would mend them.

    Args:
        wanted: what is to be published: tables with their columns.
        budget_bytes: of WAL that the source may have to keep for us.
    """
    return [
        _version(source),
        _encoding(source),
        _wal_level(source),
        _primary(source),
        _replicate(source),
        _readable(source),
        _publication(source, wanted),
        _room(source, "max_replication_slots", source.slots, "slots"),
        _room(source, "max_wal_senders", source.senders, "senders"),
        *_identities(source.tables, wanted),
        _failover(source),
        _kept_wal(source, budget_bytes),
        _idle(source),
        _decoding_memory(source),
        *_of_the_warehouse(warehouse),
    ]


def _version(source: Source) -> Check:
    major = source.version // 10_000
    if major < OLDEST:
        return failed(
            "source version",
            f"The operational database runs PostgreSQL {major}; column lists came with {OLDEST}: an older server would "
            "send every column, credentials too.",
            f"Upgrade it to PostgreSQL {OLDEST} or later, then run again.",
        )
    return ok("source version", f"PostgreSQL {major}")


def _encoding(source: Source) -> Check:
    if source.encoding == "SQL_ASCII":
        return failed(
            "source encoding",
            "The operational database has the encoding SQL_ASCII: nobody can say which letters its bytes are, and the "
            "first that is no UTF-8 would stop the stream.",
            "Have it moved into a database with its real encoding (pg_dump --encoding, CREATE DATABASE … ENCODING "
            "'UTF8'), then run again.",
        )
    return ok("source encoding", source.encoding)


def _wal_level(source: Source) -> Check:
    level = source.settings.get("wal_level")
    if level != "logical":
        return failed(
            "wal_level",
            f"The operational database has wal_level = {level}; logical replication needs logical.",
            "As its administrator: ALTER SYSTEM SET wal_level = logical; restart it (on Azure: server parameter "
            "wal_level = LOGICAL), then run again.",
            WalLevelNotLogical,
        )
    return ok("wal_level", "logical")


def _primary(source: Source) -> Check:
    if not source.is_standby:
        return ok("primary", "the server takes writes")
    decodes = (
        "It could be streamed from, but a publication cannot be made there, nor a position be marked"
        if source.version >= 160_000
        else "Before version 16 a standby cannot be streamed from at all"
    )
    return failed(
        "primary",
        f"The operational database is a standby. {decodes}.",
        "Let TRS_DATABASE_URL lead to the primary, then run again.",
    )


def _replicate(source: Source) -> Check:
    if source.may_replicate:
        return ok("right to replicate", source.role)
    return failed(
        "right to replicate",
        f"The user {source.role} may not replicate from the operational database.",
        f'As its administrator: ALTER ROLE "{source.role}" REPLICATION; then run again.',
        MissingPrivilege,
    )


def _readable(source: Source) -> Check:
    if not source.tables:
        return failed(
            "right to read",
            "The operational database has none of the tables that replication/trs.yml replicates.",
            "Check TRS_DATABASE_URL. Without it, `warehouse run` makes the sandbox's.",
            ClassificationError,
        )
    if source.filtered:
        return failed(
            "right to read",
            f"Row level security hides rows of {_some(source.filtered)} from the user {source.role}.",
            f'As the source\'s administrator: ALTER ROLE "{source.role}" BYPASSRLS; then run again.',
            MissingPrivilege,
        )
    if not source.unreadable:
        return ok("right to read", f"all of {len(source.tables)} tables")
    return failed(
        "right to read",
        f"The user {source.role} may not read {_some(source.unreadable)}.",
        f'As its owner: GRANT SELECT ON the tables TO "{source.role}"; then run again.',
        MissingPrivilege,
    )


def _publication(source: Source, wanted: Mapping[str, Sequence[str]]) -> Check:
    if source.publication and source.publication.is_exactly(wanted):
        return ok("publication", f"sends {len(wanted)} tables as they are classified")
    state = "does not send what is classified" if source.publication else "is not there yet"
    reason = None
    if source.read_only:
        reason = f"the user {source.role} is read-only (default_transaction_read_only)"
    elif source.unowned:
        reason = f"the user {source.role} does not own {_some(source.unowned)}"
    elif source.publication and not source.publication_owner:
        reason = f"the user {source.role} does not own it"
    elif not source.publication and not source.may_create:
        reason = f"the user {source.role} may not create anything in that database"
    if reason is None:
        return ok("publication", f"{state}; the next run sees to it")
    return failed(
        "publication",
        f"The publication {state}, and {reason}.",
        "Have the administrator run what `warehouse replicate sql` prints, then run again.",
        MissingPrivilege,
    )


def _room(source: Source, setting: str, used: int, noun: str) -> Check:
    most = source.number(setting)
    if most is None or source.our_slot:
        return ok(noun, "ours is among them")
    free = most - used
    if free <= 0:
        return failed(
            noun,
            f"The operational database has none of its {most} {setting} left.",
            f"As its administrator: raise {setting} and restart it, or drop a slot nobody uses (pg_replication_slots "
            "lists them), then run again.",
        )
    if free == 1:
        return warning(
            noun,
            f"Only one of {most} {setting} is left: a repair after a lost slot needs one more for a moment.",
            f"As its administrator: raise {setting} at the next restart.",
        )
    return ok(noun, f"{free} of {most} free")


def _identities(tables: Mapping[str, Identity], wanted: Mapping[str, Sequence[str]]) -> Iterator[Check]:
    """A replica identity that the column list does not cover makes the source's own updates fail."""
    found = False
    for table, identity in tables.items():
        columns = set(wanted.get(table, ()))
        fault = identity.fault(columns)
        generated = [column for column in identity.generated if column in columns]
        if fault:
            yield failed(f"identity of {table}", f"{table}: {fault}.", remedy(table), ReplicationError)
        elif generated:
            yield failed(
                f"generated columns of {table}",
                f"{table}.{generated[0]} is a generated column, and a column list of that server may not name it.",
                f"Give {table}.{generated[0]} `replicate: false` in replication/trs.yml.",
                ReplicationError,
            )
        found = found or bool(fault or generated)
    if not found:
        yield ok("replica identities", f"{len(tables)} tables, each identified by published columns")


def _failover(source: Source) -> Check:
    """What a failover would do to our slot. Nothing is required: a server without standbys is in order."""
    lost = "After a failover the slot is lost: it is noticed before a row is applied, and `warehouse replicate repair` "
    if source.version // 10_000 < SYNCED_SLOTS:
        return ok("failover", f"{lost}closes the gap (before version {SYNCED_SLOTS} slots are not kept on standbys).")
    if source.standbys == 0:
        return ok("failover", "no standby reads this server, so there is nothing to fail over to")
    if source.settings.get("synchronized_standby_slots"):
        return ok("failover", "standbys are ahead of logical slots (synchronized_standby_slots)")
    return warning(
        "failover",
        f"{lost}closes the gap.",
        "To keep the slot over a failover: sync_replication_slots = on at the standbys and synchronized_standby_slots "
        "here.",
    )


def _kept_wal(source: Source, budget_bytes: int) -> Check:
    megabytes = source.number("max_slot_wal_keep_size")
    if megabytes is None or megabytes < 0:
        return warning(
            "WAL kept for slots",
            "There is no limit (max_slot_wal_keep_size = -1): if the warehouse stays away, the source's disk fills up.",
            f"As its administrator: set max_slot_wal_keep_size; WAREHOUSE_WAL_BUDGET_GB is {budget_bytes / 1e9:,.0f}.",
        )
    limit = megabytes * 2**20
    if limit < budget_bytes:
        return warning(
            "WAL kept for slots",
            f"The source drops our slot's WAL beyond {limit / 1e9:,.1f} GB (max_slot_wal_keep_size), less than the "
            f"budget of {budget_bytes / 1e9:,.1f} GB.",
            "Have it raised, or lower WAREHOUSE_WAL_BUDGET_GB; after a loss `warehouse replicate repair`.",
        )
    return ok("WAL kept for slots", f"up to {limit / 1e9:,.1f} GB")


def _idle(source: Source) -> Check:
    # In seconds from version 18 on.
    seconds = source.number("idle_replication_slot_timeout")
    if seconds:
        return warning(
            "idle slots",
            f"The source gives up slots that nobody reads for {seconds:,} s (idle_replication_slot_timeout).",
            "Keep `warehouse replicate watch` running, or have it set to 0; after a loss `warehouse replicate repair`.",
        )
    return ok("idle slots", "are kept")


def _decoding_memory(source: Source) -> Check:
    kilobytes = source.number("logical_decoding_work_mem")
    if kilobytes is not None and kilobytes < 16 * 1024:
        return warning(
            "decoding memory",
            f"logical_decoding_work_mem is {kilobytes:,} kB: transactions beyond it are written to the source's disk.",
            "As its administrator: ALTER SYSTEM SET logical_decoding_work_mem = '64MB'; reload.",
        )
    return ok("decoding memory", f"{(kilobytes or 0) // 1024:,} MB")


def _of_the_warehouse(warehouse: Warehouse) -> Iterator[Check]:
    if warehouse.version < OLDEST * 10_000:
        yield failed(
            "warehouse version",
            f"The warehouse runs PostgreSQL {warehouse.version // 10_000}; {OLDEST} or later is needed.",
            "Upgrade it, then run again.",
            SetupError,
        )
    if warehouse.settings.get("track_commit_timestamp") != "on":
        yield failed(
            "commit times",
            "The warehouse's server does not keep commit times (track_commit_timestamp is off), so history could not "
            "say when a change was made.",
            "As its administrator: ALTER SYSTEM SET track_commit_timestamp = on; restart it, run again.",
            SetupError,
        )
    if warehouse.encoding != "UTF8":
        yield failed(
            "warehouse encoding",
            f"The warehouse's database has the encoding {warehouse.encoding}: a letter that it does not have would "
            "stop the stream.",
            "As its administrator: CREATE DATABASE warehouse ENCODING 'UTF8' TEMPLATE template0; set "
            "WAREHOUSE_DATABASE_URL to it, then run again.",
            SetupError,
        )
    if warehouse.ours:
        yield ok("warehouse", "has our subscription")
        return
    if not warehouse.may_subscribe:
        yield failed(
            "right to subscribe",
            f"The warehouse's user {warehouse.role} may not make a subscription.",
            "As its administrator: GRANT pg_create_subscription TO the user (before version 16: make it a superuser).",
            MissingPrivilege,
        )
    # Origins had no setting of their own before version 18.
    origins = "max_active_replication_origins" if warehouse.version >= 180_000 else "max_replication_slots"
    for setting, used in (
        ("max_logical_replication_workers", warehouse.workers),
        ("max_worker_processes", warehouse.workers),
        (origins, warehouse.origins),
    ):
        most = warehouse.number(setting)
        if most is not None and used >= most:
            yield failed(
                f"warehouse {setting}",
                f"The warehouse's server has none of its {most} {setting} left.",
                f"As its administrator: raise {setting} and restart it, then run again.",
                SetupError,
            )
        else:
            yield ok(f"warehouse {setting}", f"{used} of {most} used")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
