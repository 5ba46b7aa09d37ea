{{ legacy_replica('notes') }}
