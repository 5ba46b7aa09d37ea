"""The operational database, the stream from it, or what was replicated is not as it has to be."""

from __future__ import annotations

from warehouse.core.errors.base import WarehouseError


class SourceNotReady(WarehouseError):
    exit_code = 15


class WalLevelNotLogical(SourceNotReady):
    exit_code = 16


class MissingPrivilege(SourceNotReady):
    exit_code = 17


class ReplicationError(WarehouseError):
    exit_code = 18


class SourceOutOfReach(ReplicationError):
    exit_code = 38


class SlotLost(ReplicationError):
    """Attributes:
    after_a_crash: the slot may well be ours, but a crash of the source took the proof: a comparison settles it.
    only_restarted: the slot is ours, but the warehouse may be an older state of itself: a comparison settles it.
    """

    exit_code = 50
    after_a_crash = False
    only_restarted = False


class SlotTaken(ReplicationError):
    exit_code = 51


class SourceRewound(ReplicationError):
    exit_code = 52


class SourceMoved(ReplicationError):
    exit_code = 49


class PublicationAltered(ReplicationError):
    exit_code = 53


class ReplicaAltered(ReplicationError):
    exit_code = 54


class ClocksDisagree(ReplicationError):
    exit_code = 55


class ApplyConflict(ReplicationError):
    exit_code = 56


class StreamStuck(ReplicationError):
    exit_code = 57
    passes = True


class WalBudgetExceeded(ReplicationError):
    exit_code = 58


class ContentDiffers(ReplicationError):
    exit_code = 59


class SubscriptionAltered(SlotLost):
    """Repaired like a lost slot: with a new one, and a comparison."""

    exit_code = 60


class NotCompared(ReplicationError):
    exit_code = 61


class AlteredMeanwhile(ReplicationError):
    exit_code = 62


class MeaningChanged(ReplicationError):
    exit_code = 64


class DeletesRefused(ReplicationError):
    exit_code = 67


class PageDamaged(ReplicationError):
    exit_code = 68


class WaitedTooLong(ReplicationError):
    exit_code = 69
    passes = True


class HistoryDiffers(ReplicationError):
    exit_code = 65


class CommitTimesOff(ReplicationError):
    exit_code = 66
