"""The guard of the stream: what the engine passes over in silence is found, told and recorded.

- `preflight`: whether the two databases can be replicated between at all, before anything is set up;
- `looks` and `judge`: where the stream stands, how it moves, and what that means;
- `conflicts`: a transaction that cannot be applied, found without the server's log, explained, and skipped on command;
- `integrity` and `hand_writes`: a replica that was altered by somebody else than the stream;
- `watch`: all of that, again and again.
"""
