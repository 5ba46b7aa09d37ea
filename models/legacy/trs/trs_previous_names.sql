{{ legacy_replica('previous_names') }}
