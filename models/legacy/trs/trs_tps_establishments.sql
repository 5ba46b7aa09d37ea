{{ legacy_replica('tps_establishments') }}
