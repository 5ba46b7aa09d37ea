"""Parquet files as they lie on a disk: every file of ours is written with the same settings, so the same rows give the
same bytes."""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet

LEVEL: Final = 3
"""Of compression by zstd, where no contract says another."""

_DICTIONARY: Final = 64
"""KiB of distinct values of a column, after which they are written as they are. Of a column in which each row has its
own value a larger dictionary is work for nothing: with the library's 1,024 a wide file was an eighth larger."""

WRITER: Final = f"pyarrow {pa.__version__} (dictionaries of {_DICTIONARY} KiB)"
"""The library that lays the files out, with its version and what of our settings changed since the first: by another
one, the same rows may have other bytes."""


def writing(target: Any, schema: pa.Schema, level: int = LEVEL) -> pyarrow.parquet.ParquetWriter:
    """A writer into an open file.

    Args:
        level: of compression by zstd.
    """
    return pyarrow.parquet.ParquetWriter(
        target,
        schema,
        version="2.6",
        data_page_version="1.0",
        compression="zstd",
        compression_level=level,
        use_dictionary=True,
        dictionary_pagesize_limit=_DICTIONARY << 10,
        write_statistics=True,
    )
