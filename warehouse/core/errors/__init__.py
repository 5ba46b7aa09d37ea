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
    │   │   ├── NotAgreed            94  real people's data would leave without a signed agreement
    │   │   └── ContractChanged      27  a contract says something else than what was sent, under the same version
    │   ├── TermsError               23  the field dictionary, or the YAML of a model, is wrong
    │   ├── SandboxOnly              48  an embedded or synthetic database together with a real database or recipient
    │   ├── SecretsExposed           71  other accounts of the machine can read a file that holds a secret
    │   ├── SameDatabase             19  two settings lead to one database, or are swapped
    │   ├── PooledConnection         39  an address leads to a pooler, which keeps no session
    │   └── UnsafeConnection         46  a connection to another machine is not encrypted, or its server not checked
    ├── SetupError                   13  this machine lacks something, or an embedded database will not start
    │   ├── LedgerOfAnotherVersion   24  the warehouse's ledger was made by another version of the program
    │   └── KindNotInstalled         96  a kind of destination needs packages that are not installed
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
    │   │   ├── VolumeRefused        85  only its number of rows breaks it: a person may release it
    │   │   ├── CountsNotProtected  100  counts are no whole table, so small ones cannot be kept confidential
    │   │   └── ScreeningFailed     101  a table of statistics breaks a check of Explore Education Statistics
    │   ├── DestinationRefused       32  no access, no connection, or an object of that name is there already
    │   ├── DestinationFull          33  the destination ran out of room
    │   ├── NotCovered               34  the published build does not cover the period, or was altered
    │   ├── ChangesHeld              95  no set of change files can be made now
    │   ├── FilesVanished            35  files that were sent and confirmed cannot be found: a person decides
    │   ├── PeriodsMissed            36  everything was done; periods passed without a delivery
    │   ├── DeliveryGone             86  the files of a delivery cannot be read any more where they were sent
    │   ├── DeliveredFilesDiffer     80  a delivered file is not, or no longer, what was sent
    │   ├── MadeOtherwise            87  a delivery cannot be made again: the contract, the models or a rule changed
    │   ├── ErasedSince              88  a delivery cannot be made again: a person was erased from it
    │   ├── NotTheSameAgain          89  a delivery was made again from history, and its rows are not those of then
    │   └── DeliveriesNotSearched    90  of some deliveries it is not known whom they held; the rest was searched
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
    ├── NoReadersLogin              102  `warehouse sql` finds no login that has a reader's rights alone
    ├── QueryNotTranslated           76  a saved query in T-SQL is not one statement that reads
    │   ├── NoCounterpart            77  a function or another part of it has no counterpart
    │   ├── OldNameGone              78  a table or column of the old reporting copy has no successor, or never was
    │   ├── OldCodeGone              79  it looks for an old code that TRS does not keep apart
    │   └── NameShared               81  a name of it is in several of the tables that it reads
    ├── MigrationRefused             63  a migration of the source would fail or do harm, or was not understood
    ├── UnexpectedFailure            70  a defect of this program, or an unexpected database error
    └── Interrupted                 130  Ctrl-C
"""

from warehouse.core.errors.asking import (
    NameShared,
    NoCounterpart,
    NoReadersLogin,
    OldCodeGone,
    OldNameGone,
    QueryNotTranslated,
    QueryTooLong,
)
from warehouse.core.errors.base import (
    Interrupted,
    UnexpectedFailure,
    UsageError,
    WarehouseError,
)
from warehouse.core.errors.building import (
    BeforeHistory,
    BuildAltered,
    BuildFailed,
    ObjectInTheWay,
    VintageRefused,
)
from warehouse.core.errors.deciding import (
    AlreadyRunning,
    DriftHeld,
    ErasureRefused,
    LoginHasMore,
    MigrationRefused,
    NewColumnsHeld,
    NotOurs,
    PersonReturned,
    RoleHasOtherRights,
    RuleChanged,
    SecretFound,
)
from warehouse.core.errors.delivering import (
    ChangesHeld,
    CheckFailed,
    CountsNotProtected,
    DeliveredFilesDiffer,
    DeliveriesNotSearched,
    DeliveryError,
    DeliveryGone,
    DestinationFull,
    DestinationRefused,
    ErasedSince,
    FilesVanished,
    MadeOtherwise,
    NotCovered,
    NotTheSameAgain,
    PeriodsMissed,
    ScreeningFailed,
    VolumeRefused,
)
from warehouse.core.errors.replication import (
    AlteredMeanwhile,
    ApplyConflict,
    ClocksDisagree,
    CommitTimesOff,
    ContentDiffers,
    DeletesRefused,
    HistoryDiffers,
    MeaningChanged,
    MissingPrivilege,
    NotCompared,
    PageDamaged,
    PublicationAltered,
    ReplicaAltered,
    ReplicationError,
    SlotLost,
    SlotTaken,
    SourceMoved,
    SourceNotReady,
    SourceOutOfReach,
    SourceRewound,
    StreamStuck,
    SubscriptionAltered,
    WaitedTooLong,
    WalBudgetExceeded,
    WalLevelNotLogical,
)
from warehouse.core.errors.settings import (
    ClassificationError,
    ClassTooLow,
    ContractBehind,
    ContractChanged,
    ContractError,
    DatabaseUnreachable,
    KeyUnusable,
    KindNotInstalled,
    LedgerOfAnotherVersion,
    NotAgreed,
    PooledConnection,
    SameDatabase,
    SandboxOnly,
    SecretsExposed,
    SettingsError,
    SetupError,
    TermsError,
    UnsafeConnection,
)

__all__ = [
    "AlreadyRunning",
    "AlteredMeanwhile",
    "ApplyConflict",
    "BeforeHistory",
    "BuildAltered",
    "BuildFailed",
    "ChangesHeld",
    "CheckFailed",
    "ClassTooLow",
    "ClassificationError",
    "ClocksDisagree",
    "CommitTimesOff",
    "ContentDiffers",
    "ContractBehind",
    "ContractChanged",
    "ContractError",
    "CountsNotProtected",
    "DatabaseUnreachable",
    "DeletesRefused",
    "DeliveredFilesDiffer",
    "DeliveriesNotSearched",
    "DeliveryError",
    "DeliveryGone",
    "DestinationFull",
    "DestinationRefused",
    "DriftHeld",
    "ErasedSince",
    "ErasureRefused",
    "FilesVanished",
    "HistoryDiffers",
    "Interrupted",
    "KeyUnusable",
    "KindNotInstalled",
    "LedgerOfAnotherVersion",
    "LoginHasMore",
    "MadeOtherwise",
    "MeaningChanged",
    "MigrationRefused",
    "MissingPrivilege",
    "NameShared",
    "NewColumnsHeld",
    "NoCounterpart",
    "NoReadersLogin",
    "NotAgreed",
    "NotCompared",
    "NotCovered",
    "NotOurs",
    "NotTheSameAgain",
    "ObjectInTheWay",
    "OldCodeGone",
    "OldNameGone",
    "PageDamaged",
    "PeriodsMissed",
    "PersonReturned",
    "PooledConnection",
    "PublicationAltered",
    "QueryNotTranslated",
    "QueryTooLong",
    "ReplicaAltered",
    "ReplicationError",
    "RoleHasOtherRights",
    "RuleChanged",
    "SameDatabase",
    "SandboxOnly",
    "ScreeningFailed",
    "SecretFound",
    "SecretsExposed",
    "SettingsError",
    "SetupError",
    "SlotLost",
    "SlotTaken",
    "SourceMoved",
    "SourceNotReady",
    "SourceOutOfReach",
    "SourceRewound",
    "StreamStuck",
    "SubscriptionAltered",
    "TermsError",
    "UnexpectedFailure",
    "UnsafeConnection",
    "UsageError",
    "VintageRefused",
    "VolumeRefused",
    "WaitedTooLong",
    "WalBudgetExceeded",
    "WalLevelNotLogical",
    "WarehouseError",
]
