select
    person_id,
    max(visited_on) as last_visit_date
from {{ ref('visits') }}
where not is_deleted
group by person_id
