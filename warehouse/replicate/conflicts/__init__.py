"""A transaction that cannot be applied: found, explained, recorded and, on command, skipped."""
