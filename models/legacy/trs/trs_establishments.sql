{{ legacy_replica('establishments') }}
