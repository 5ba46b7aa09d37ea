{{ legacy_replica('support_task_types') }}
