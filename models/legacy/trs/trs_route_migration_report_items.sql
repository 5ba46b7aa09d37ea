{{ legacy_replica('route_migration_report_items') }}
