{{ legacy_replica('training_subjects') }}
