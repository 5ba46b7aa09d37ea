{{ legacy_replica('support_tasks') }}
