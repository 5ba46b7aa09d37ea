"""Every error that a person can meet, in one tree.

Each says what happened, what it means for the data, and the next command to type, and each kind has its own exit
code, so that a scheduler can tell them apart:

    WarehouseError                    1  (never raised itself)
    ├── UsageError                    2  the command line is wrong
    ├── SettingsError                10  a setting, or a file that a person edits, is wrong
    │   ├── ClassificationError      11  replication/ does not fit the operational database
    │   │   └── ClassTooLow          28  a column is classified lower than what it is made of
    │   ├── ContractError            12  exports/ does not fit the model
    │   │   ├── ContractBehind       37  a contract does not say what the extract's model says
    │   │   └── ContractChanged      27  a contract says something else than what was sent, under the same version
    │   ├── TermsError               23  the field dictionary, or the YAML of a model, is wrong
    │   ├── SandboxOnly              48  an embedded or synthetic database together with a real database or recipient
    │   ├── SecretsExposed           71  other accounts of the machine can read a file that holds a secret
    │   ├── SameDatabase             19  two settings lead to one database, or are swapped
    │   ├── PooledConnection         39  an address leads to a pooler, which keeps no session
    │   └── UnsafeConnection         46  a connection to another machine is not encrypted, or its server not checked
    ├── SetupError                   13  this machine lacks something, or an embedded database will not start
    │   └── LedgerOfAnotherVersion   24  the warehouse's ledger was made by another version of the program
    ├── DatabaseUnreachable          14  no connection to a database
    ├── SourceNotReady               15  the operational database is not set up for replication
    │   ├── WalLevelNotLogical       16
    │   └── MissingPrivilege         17
    ├── ReplicationError             18  the stream is interrupted or does not catch up
    │   ├── SourceOutOfReach         38  the warehouse's server cannot connect to the source's
    │   ├── SlotLost                 50  the slot is gone, lost or a new one: there is a gap to repair
    │   │   └── SubscriptionAltered  60  the subscription is not as the warehouse made it, or does not apply a table
    │   ├── SlotTaken                51  another consumer holds the slot or its name
    │   ├── SourceRewound            52  the source is behind what was applied: it was restored from a backup
    │   ├── SourceMoved              49  another server of the source's cluster answers: moved, or a copy of its disk
    │   ├── PublicationAltered       53  somebody else changed the publication
    │   ├── ReplicaAltered           54  the replica, its history or their triggers were altered by hand
    │   ├── ClocksDisagree           55  commit times of the source cannot be trusted against this clock
    │   ├── ApplyConflict            56  a row cannot be applied; everything after it waits
    │   ├── StreamStuck              57  there is something to apply and nothing moves
    │   ├── WalBudgetExceeded        58  the slot retains more WAL than the budget allows
    │   ├── ContentDiffers           59  replica and source were compared and differ
    │   ├── NotCompared              61  a comparison left something out, which is not known to be equal
    │   ├── AlteredMeanwhile         62  something of ours was altered and may have been put back: compare
    │   ├── MeaningChanged           64  a name at the source means something else than before; not known to be equal
    │   ├── DeletesRefused           67  a repair would delete more of a table than it may without a person's approval
    │   ├── PageDamaged              68  PostgreSQL cannot read a page of a table: its disk or memory damaged it
    │   ├── WaitedTooLong            69  what a command waited for did not end in the time that a setting allows
    │   ├── HistoryDiffers           65  the history is not what was settled: its seals or chains do not match
    │   └── CommitTimesOff           66  the warehouse's server keeps no commit times (track_commit_timestamp)
    ├── BuildFailed                  20  a model or a test of it failed; readers keep the last good build
    │   ├── ObjectInTheWay           21  somebody else's object or open transaction blocks a build
    │   ├── BeforeHistory            74  a vintage is asked for as known at a moment before history begins
    │   ├── VintageRefused           75  there is no vintage of that name, or one already, or the name cannot be one
    │   └── BuildAltered             22  a published table is not what the build made: changed by hand or by dbt
    ├── DeliveryError                30  a delivery could not be made
    │   ├── CheckFailed              31  the file breaks its contract; nothing was sent
    │   ├── DestinationRefused       32  no access, no connection, or an object of that name is there already
    │   ├── DestinationFull          33  the destination ran out of room
    │   ├── NotCovered               34  the published build does not cover the period, or was altered
    │   ├── FilesVanished            35  files that were sent and confirmed cannot be found: a person decides
    │   ├── PeriodsMissed            36  everything was done; periods passed without a delivery
    │   └── DeliveredFilesDiffer     80  a delivered file is not, or no longer, what was sent
    ├── RoleHasOtherRights           29  a role of the warehouse has, or had before, rights that are not declared
    ├── LoginHasMore                 45  a login, or everybody, can do more than the role that was given
    ├── AlreadyRunning               40  another run holds the lock
    ├── NewColumnsHeld               41  everything was done; columns are not replicated until they are classified
    ├── DriftHeld                    42  the source's structure changed and a person has to decide
    ├── RuleChanged                  26  a rule of replication/trs.yml changed, and stored values do not follow it yet
    ├── ErasureRefused               43  the person cannot be erased now
    ├── PersonReturned               72  everything was done; a person who was erased is there again
    ├── NotOurs                      44  something that the warehouse did not make blocks it
    ├── SecretFound                  25  a secret is in the replica or its history; everything else was done
    ├── KeyUnusable                  73  a key for pseudonyms is missing, short, open to others or another than before
    ├── QueryTooLong                 47  a statement of `warehouse sql` took longer than it may
    ├── MigrationRefused             63  a migration of the source would fail or do harm, or was not understood
    ├── UnexpectedFailure            70  a defect of this program, or an unexpected database error
    └── Interrupted                 130  Ctrl-C
"""

from __future__ import annotations


class WarehouseError(Exception):
    """The root of the tree.

    Args:
        what: one sentence on what happened, with names but never with values of personal data.
        meaning: what that means for the data and for what was already done.
        next_command: what to type or to change now.

    Attributes:
        passes: whether the same command may succeed later although nobody changes anything. An error that does not
            pass waits for a person; a program that meets one stops.
    """

    exit_code = 1
    passes = False

    def __init__(self, what: str, *, meaning: str, next_command: str) -> None:
        super().__init__(what)
        self.what = what
        self.meaning = meaning
        self.next_command = next_command

    def as_dict(self) -> dict[str, str | int]:
        """The error as `--json` prints it."""
        return {
            "error": type(self).__name__,
            "what": self.what,
            "meaning": self.meaning,
            "next": self.next_command,
            "exit_code": self.exit_code,
            "passes": self.passes,
        }


class UsageError(WarehouseError):
    exit_code = 2


class SettingsError(WarehouseError):
    exit_code = 10


class ClassificationError(SettingsError):
    exit_code = 11


class ClassTooLow(ClassificationError):
    exit_code = 28


class ContractError(SettingsError):
    exit_code = 12


class TermsError(SettingsError):
    exit_code = 23


class ContractBehind(ContractError):
    exit_code = 37


class SandboxOnly(SettingsError):
    exit_code = 48


class SecretsExposed(SettingsError):
    exit_code = 71


class ContractChanged(ContractError):
    exit_code = 27


class SameDatabase(SettingsError):
    exit_code = 19


class PooledConnection(SettingsError):
    exit_code = 39


class UnsafeConnection(SettingsError):
    exit_code = 46


class SetupError(WarehouseError):
    exit_code = 13


class LedgerOfAnotherVersion(SetupError):
    exit_code = 24


class DatabaseUnreachable(WarehouseError):
    exit_code = 14
    passes = True


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


class BuildFailed(WarehouseError):
    """Attributes:
    failed: the names of the models and tests that failed.
    """

    exit_code = 20
    failed: tuple[str, ...] = ()


class ObjectInTheWay(BuildFailed):
    exit_code = 21


class BeforeHistory(BuildFailed):
    exit_code = 74


class VintageRefused(BuildFailed):
    exit_code = 75


class BuildAltered(BuildFailed):
    exit_code = 22


class DeliveryError(WarehouseError):
    exit_code = 30


class CheckFailed(DeliveryError):
    exit_code = 31


class DestinationRefused(DeliveryError):
    """Attributes:
    denied: what the place denies, such as "reading"; None when it refuses for another reason.
    """

    exit_code = 32
    denied: str | None = None


class DestinationFull(DeliveryError):
    exit_code = 33
    passes = True


class NotCovered(DeliveryError):
    exit_code = 34


class FilesVanished(DeliveryError):
    exit_code = 35


class PeriodsMissed(DeliveryError):
    exit_code = 36


class DeliveredFilesDiffer(DeliveryError):
    exit_code = 80


class RoleHasOtherRights(WarehouseError):
    exit_code = 29


class LoginHasMore(WarehouseError):
    exit_code = 45


class AlreadyRunning(WarehouseError):
    exit_code = 40
    passes = True


class NewColumnsHeld(WarehouseError):
    exit_code = 41


class DriftHeld(WarehouseError):
    exit_code = 42


class RuleChanged(WarehouseError):
    exit_code = 26


class ErasureRefused(WarehouseError):
    exit_code = 43


class PersonReturned(WarehouseError):
    exit_code = 72


class NotOurs(WarehouseError):
    exit_code = 44


class SecretFound(WarehouseError):
    exit_code = 25


class KeyUnusable(WarehouseError):
    exit_code = 73


class QueryTooLong(WarehouseError):
    exit_code = 47


class MigrationRefused(WarehouseError):
    exit_code = 63


class UnexpectedFailure(WarehouseError):
    exit_code = 70


class Interrupted(WarehouseError):
    exit_code = 130
