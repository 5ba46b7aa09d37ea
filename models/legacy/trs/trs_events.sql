{{ legacy_replica('events') }}
