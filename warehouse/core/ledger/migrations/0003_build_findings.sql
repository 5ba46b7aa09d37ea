-- What the tests of a build found: a row for each rule that rows do not keep, where it was one for each test.
alter table ledger.build_findings
    add column place integer,
    add column rule text,
    add column value text,
    add column keys text[] not null default '{}';

-- Of earlier builds the found rows stay as they were written, as one text.
update ledger.build_findings as f
set place = n.place,
    keys = case when f.found = '{}' then '{}' else array[f.found::text] end
from (
    select build_id, test_name, row_number() over (partition by build_id order by severity, test_name) as place
    from ledger.build_findings
) as n
where n.build_id = f.build_id and n.test_name = f.test_name;

alter table ledger.build_findings
    drop constraint build_findings_pkey,
    drop column found,
    alter column place set not null,
    add primary key (build_id, place);

comment on table ledger.build_findings is
    'What the tests of a build found, a row for each rule that rows do not keep; failures first. severity failure: '
    'nothing was published. rule, value: what the model says of the column, and what should not be there. keys: of up '
    'to five of the rows, sensitive ones as a keyed hash.';
