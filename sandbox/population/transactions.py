"""The ledger of the file interfaces with Wales and Teachers' Pensions: a transaction per file, a record per row."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import polars as pl

from sandbox.domain.codes import Interface, RowStatus
from sandbox.population.draw import chance
from sandbox.population.series import where
from sandbox.population.world import World

_DAYS: Final = 14
_MESSAGES: Final = (
    "Teacher with TRN {trn} was not found.,",
    "Validation failed on field: National Insurance Number,",
    "Attempted to update lastname to a different value.,",
)


def transactions(
    world: World, chunk: int, persons: pl.DataFrame, alerts: pl.DataFrame
) -> Iterator[tuple[str, pl.DataFrame]]:
    """A fortnight of files of each interface for each chunk of people; header counts agree with the records."""
    rng = world.stream("transactions", chunk)
    days = world.now - np.arange(_DAYS, 0, -1).astype("timedelta64[D]")
    kind = np.repeat([Interface.EWC, Interface.EXPORT_NEW, Interface.EXPORT_AMEND, Interface.IMPORT], _DAYS)
    day = np.tile(days, 4)
    files = len(kind)
    identity = chunk * 1000 + 1 + np.arange(files)
    sizes = rng.integers(0, max(2, min(30, len(persons) // 20)), files)
    sizes[0], sizes[-1] = max(2, sizes[0]), max(2, sizes[-1])
    record_file = np.repeat(np.arange(files), sizes)
    records = len(record_file)
    row = rng.integers(0, len(persons), records)
    record_kind = kind[record_file]
    incoming = np.isin(record_kind, (Interface.EWC, Interface.IMPORT))
    failed = incoming & chance(rng, records, 0.1)
    warned = (record_kind == Interface.IMPORT) & ~failed & chance(rng, records, 0.12)
    duplicate = (record_kind == Interface.IMPORT) & ~failed & ~warned & chance(rng, records, 0.05)
    status = np.where(failed, RowStatus.FAILURE, np.where(warned, RowStatus.WARNING, RowStatus.SUCCESS))

    def per_file(mask: np.ndarray) -> np.ndarray:
        return np.bincount(record_file[mask], minlength=files)

    hour = np.array([8, 3, 3, 4])[kind - 1]
    created = (
        day.astype("datetime64[us]")
        + hour.astype("timedelta64[h]")
        + rng.integers(0, 300, files).astype("timedelta64[s]")
    )
    stamp = pl.Series(day).dt.strftime("%Y%m%d").to_list()
    names = {
        Interface.EWC: "QTS_{}.csv",
        Interface.EXPORT_NEW: "Reg01_DTR_{}_030000_New.txt",
        Interface.EXPORT_AMEND: "Reg01_DTR_{}_030000_Amend.txt",
        Interface.IMPORT: "pickup/Reg01_DTR_{}_Import.txt",
    }
    yield (
        "integration_transactions",
        pl.DataFrame(
            {
                "integration_transaction_id": identity,
                "interface_type": kind,
                "import_status": np.zeros(files, np.int64),
                "total_count": sizes,
                "success_count": per_file((status == RowStatus.SUCCESS) & ~duplicate),
                "warning_count": per_file(warned),
                "failure_count": per_file(failed),
                "duplicate_count": per_file(duplicate),
                "file_name": [names[k].format(s) for k, s in zip(kind, stamp, strict=True)],
                "created_date": created,
            }
        ),
    )
    facts = persons[row]
    message = pl.lit(pl.Series(_MESSAGES).gather(np.where(failed, 0, 1 + rng.integers(0, 2, records))))
    open_alerts = set(
        alerts.filter(pl.col("end_date").is_null() & pl.col("deleted_on").is_null())["person_id"].to_list()
    )
    first_id = chunk * 100_000 + 1
    yield (
        "integration_transaction_records",
        facts.select(
            integration_transaction_record_id=pl.int_range(first_id, first_id + records),
            row_data=pl.concat_str(
                "trn",
                "last_name",
                "first_name",
                pl.col("date_of_birth").dt.strftime("%Y%m%d").fill_null(""),
                separator=";",
            ),
            failure_message=pl.when(pl.Series(failed | warned)).then(
                message.str.replace_all("{trn}", pl.col("trn"), literal=True)
            ),
            person_id=pl.when(~pl.Series(failed)).then(pl.col("person_id")),
            duplicate=where(record_kind == Interface.IMPORT, pl.Series(duplicate)),
            status=pl.lit(pl.Series(status)),
            created_date=pl.lit(pl.Series(created[record_file])),
            integration_transaction_id=pl.lit(pl.Series(identity[record_file])),
            has_active_alert=pl.col("person_id").is_in(list(open_alerts)),
        ),
    )
