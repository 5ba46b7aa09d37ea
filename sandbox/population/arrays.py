"""Arrays of days, moments and numbers: their types, their nulls, and days by the calendar."""

import datetime
from typing import Any, Final

import numpy as np
import numpy.typing as npt

# numpy's type stubs lose track of dates in arithmetic, so the element type is open.
Days = npt.NDArray[Any]
"""datetime64[D]; NaT is a null."""
Moments = npt.NDArray[Any]
"""datetime64[us], UTC; NaT is a null."""
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

DAY: Final = np.timedelta64(1, "D")
NO_DAY: Final = np.datetime64("NaT", "D")
NO_MOMENT: Final = np.datetime64("NaT", "us")


def day(text: str | datetime.date) -> np.datetime64:
    """A day as numpy knows it."""
    return np.datetime64(str(text), "D")


def moment(text: str | datetime.date) -> np.datetime64:
    """The first moment of a day."""
    return np.datetime64(str(text), "us")


def years_of(days: Days) -> Ints:
    """Calendar years; a null day gives a number far below zero."""
    return days.astype("datetime64[Y]").astype(np.int64) + 1970
