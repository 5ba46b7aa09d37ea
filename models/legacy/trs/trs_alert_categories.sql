{{ legacy_replica('alert_categories') }}
