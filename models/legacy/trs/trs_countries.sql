{{ legacy_replica('countries') }}
