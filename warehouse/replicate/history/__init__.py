"""Every version of every row.

For each replicated table there are

- `history.<table>_log`: superseded versions as the triggers store them while the stream is applied. One column of
  the row's own type: a third of the cost of writing every column by itself (docs/adr/0008);
- `history.<table>`: the same, settled: flat, typed, with the source's commit times, a partition for each month in
  which versions ended. `ended_by` says what ended a version: U update, D delete, T truncate: the last two are the
  tombstones;
- `versions.<table>`: a view of these and the current rows. The current version is not stored twice, so an insert costs
  nothing.
"""

from warehouse.replicate.history.catch_up import catch_up
from warehouse.replicate.history.rebuild import erasing, rebuilt
from warehouse.replicate.history.retention import apply_retention, expired
from warehouse.replicate.history.settle import settle
from warehouse.replicate.history.tables import create_view, keep

__all__ = ["apply_retention", "catch_up", "create_view", "erasing", "expired", "keep", "rebuilt", "settle"]
