"""Whether something that looks like a secret reached the replica or its history, whatever the rules say.

- `forms`: what a secret looks like, and where in a value it stands;
- `relations`: what is read: every column of the replica, its logs and its history that can hold text;
- `scan`: the scan itself, and its record in the ledger;
- `standing`: what the last scan means for the status.
"""
