{{ legacy_replica('degree_types') }}
