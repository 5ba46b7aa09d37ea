"""Making the replica equal to a snapshot of the source: first copy, repair with a new slot, repair in place."""
