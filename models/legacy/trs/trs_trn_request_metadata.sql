{{ legacy_replica('trn_request_metadata') }}
