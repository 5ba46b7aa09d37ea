"""The name of a data file where the contract agrees one with the recipient, such as `new-sanctions-{yyyyMMdd}.csv`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from warehouse.core.csv_on_disk import COMPRESSED

PART: Final = "{part}"

_ALLOWED: Final = re.compile(r"^(?:[A-Za-z0-9_.-]|\{yyyyMMdd\}|\{HHmm\}|\{HHmmss\}|\{part\})+\Z")


def why_it_is_no_file_name(given: object, suffix: str, has_parts: bool) -> str | None:
    """What is wrong with a name, or None.

    Args:
        given: as the contract has it.
        suffix: that the files have, by which a receiver's programs know them.
        has_parts: whether rows are split over several files, whose names must differ.
    """
    if not isinstance(given, str) or not _ALLOWED.match(given) or "{yyyyMMdd}" not in given:
        return "must be a name with {yyyyMMdd} in it, and {HHmm} or {HHmmss} where it has a time"
    if not given.endswith(f".{suffix}"):
        return f"must end with .{suffix}"
    if (PART in given) != has_parts:
        return "must have {part} in it where rowsPerFile is given, and nowhere else"
    return None


def file_name(pattern: str, end: datetime, revision: int, part: int) -> str:
    """A file's name, the same whenever it is written.

    Args:
        pattern: of the contract.
        end: of the period that the file is about.
        revision: counted by the last digits of the time; by a mark before the suffix where the name has no time. So no
            two files of a recipient have one name.
        part: counted from 1.
    """
    later = revision - 1
    moment = end + (timedelta(seconds=later) if "{HHmmss}" in pattern else timedelta(minutes=later))
    if "{HHmm}" not in pattern and "{HHmmss}" not in pattern:
        moment = end
        if later:
            ending = next((one for one in (COMPRESSED,) if pattern.endswith(one)), Path(pattern).suffix)
            pattern = f"{pattern.removesuffix(ending)}-r{revision}{ending}"
    for mark, value in (
        ("{yyyyMMdd}", f"{moment:%Y%m%d}"),
        ("{HHmmss}", f"{moment:%H%M%S}"),
        ("{HHmm}", f"{moment:%H%M}"),
        (PART, str(part)),
    ):
        pattern = pattern.replace(mark, value)
    return pattern
