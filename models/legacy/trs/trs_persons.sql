{{ legacy_replica('persons') }}
