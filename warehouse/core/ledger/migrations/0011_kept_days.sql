-- A table's superseded versions may be kept for a number of days, as its rows are where the source itself prunes them.
alter table ledger.kept_years
    add column days int check (days > 0),
    add constraint kept_years_one_rule check (years is null or days is null);

comment on table ledger.kept_years is
    'The retention rule by which each table''s history was last dropped, in years or in days; both null: nothing is '
    'dropped. A rule in replication/trs.yml that keeps less is applied only by `warehouse replicate retention --apply`.';
