{{ legacy_replica('alerts') }}
