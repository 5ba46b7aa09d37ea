{{ legacy_replica('alert_types') }}
