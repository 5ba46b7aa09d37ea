{{ legacy_replica('tps_employments') }}
