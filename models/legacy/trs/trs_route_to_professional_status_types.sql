{{ legacy_replica('route_to_professional_status_types') }}
