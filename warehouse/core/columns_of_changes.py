"""Columns of change files: deliveries write them, and an erasure and a changed rule know the files by them."""

from __future__ import annotations

from typing import Final

PREFIX: Final = "trw_"
"""How the columns begin that are no table's."""

CHANGE: Final = f"{PREFIX}change"
"""What a row is; a file that has it is one of change files."""

NOT_IN_PARQUET: Final = f"{PREFIX}not_in_parquet"
"""Values of the other columns, by their names, where the columns themselves cannot hold them."""
