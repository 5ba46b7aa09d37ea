"""Change files: the replicated tables as append-only sets, from which current and historical state can be rebuilt.

`standing` says how the replica stands, `owed` which set is owed, `tables` and `read` what is in it, `write` makes its
files, `check` is their gate, `manifest` tells what they are, `records` is their ledger, `attempt` delivers one.
docs/change-files.md is the receivers' page.
"""
