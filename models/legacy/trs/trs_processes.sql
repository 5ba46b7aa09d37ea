{{ legacy_replica('processes') }}
