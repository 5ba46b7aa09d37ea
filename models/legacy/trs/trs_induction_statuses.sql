{{ legacy_replica('induction_statuses') }}
