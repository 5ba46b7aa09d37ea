{{ legacy_replica('qualifications') }}
