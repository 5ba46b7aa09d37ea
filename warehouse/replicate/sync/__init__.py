"""Synchronisation: make the replica equal to a snapshot of the source, and let the stream continue from there.

Read in this order:

- `begin.py`: a new slot. Its snapshot, the first copy or the repair of a gap on it, and the hand-over to the stream;
- `parts.py`: the initial copy of tables that the replica does not have, in parallel;
- `compared.py`: tables that the replica has, compared with the snapshot;
- `write.py`: what differs, written in transactions that the ledgers record;
- `rewritten.py`: tables that the source rewrote meanwhile, which the snapshot shows as empty;
- `in_place.py`: the same with the slot that streams, whose stream is off for as long as the comparison takes;
- `restart.py`: after a start of either server: in place where that is enough, with a new slot where it is not.

`run.py` and `repair.py`, one folder up, decide which of these is due.
"""
