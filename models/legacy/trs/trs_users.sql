{{ legacy_replica('users') }}
