{{ legacy_replica('process_events') }}
