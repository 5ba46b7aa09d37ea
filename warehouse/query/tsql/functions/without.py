"""Functions without a counterpart, each with what to use instead."""

from __future__ import annotations

from typing import Final

SAFE: Final = "Use CASE WHEN x LIKE '[0-9]%' THEN CAST(x AS int) END with a pattern that only good values have."
_JSON: Final = "Ask in PostgreSQL's own SQL (without --dialect), which has jsonb operators."
_LEAVE: Final = "Leave it out; the warehouse has no such setting."

WITHOUT: Final = {
    "TRY_PARSE": SAFE,
    "PARSE": "Use CONVERT with a style.",
    "ISNUMERIC": "Use x NOT LIKE '%[^0-9]%'.",
    "ISDATE": "Dates in the warehouse are dates already; leave it out.",
    "PATINDEX": "Use CHARINDEX for a fixed text, or LIKE to ask whether it is there.",
    "SOUNDEX": "Use LEFT(x, 3) or LIKE for names that begin alike.",
    "DIFFERENCE": "Use LEFT(x, 3) or LIKE for names that begin alike.",
    "DATALENGTH": "Use LEN, which counts characters.",
    "HASHBYTES": "Join on the key itself.",
    "CHECKSUM": "Compare the columns themselves.",
    "BINARY_CHECKSUM": "Compare the columns themselves.",
    "JSON_VALUE": _JSON,
    "JSON_QUERY": _JSON,
    "ISJSON": _JSON,
    "RAND": "Use ORDER BY with a column, or PostgreSQL's own SQL (without --dialect).",
    "NEWID": "Use ROW_NUMBER() to number rows.",
    "PERCENTILE_CONT": "Ask in PostgreSQL's own SQL (without --dialect): it has no OVER there.",
    "PERCENTILE_DISC": "Ask in PostgreSQL's own SQL (without --dialect): it has no OVER there.",
    "OBJECT_ID": "`warehouse tables` lists what there is.",
    "SUSER_SNAME": _LEAVE,
    "USER_NAME": _LEAVE,
    "DB_NAME": _LEAVE,
    "HOST_NAME": _LEAVE,
}
