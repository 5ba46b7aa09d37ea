{{ legacy_replica('training_providers') }}
