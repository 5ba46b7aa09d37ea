{{ legacy_replica('integration_transaction_records') }}
