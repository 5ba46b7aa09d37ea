-- A person may release a delivery from a rule about its number of rows.
alter table ledger.delivery_decisions
    add column rules jsonb,
    drop constraint delivery_decisions_decision_check,
    add constraint delivery_decisions_decision_check check (
        decision in ('redo', 'received', 'resend', 'release')
    ),
    add constraint delivery_decisions_release_names_rules check ((decision = 'release') = (rules is not null));

comment on column ledger.delivery_decisions.rules is
    'Of a release: the rules about the number of rows that this delivery need not keep, each with the number of rows that '
    'the person saw. It holds for a number that is no further off.';
