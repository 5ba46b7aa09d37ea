{{ legacy_replica('integration_transactions') }}
