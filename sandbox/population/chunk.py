"""Everything about one chunk of people, in frames by table."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from sandbox.population import career_events, inductions, notes, person_events, route_events, tasks
from sandbox.population.alerts import draw_alerts
from sandbox.population.cohorts import Cohorts
from sandbox.population.draw import chance
from sandbox.population.employments import draw_posts, employment_rows
from sandbox.population.event_log import EventLog, obj
from sandbox.population.extracts import extract_files, extract_items
from sandbox.population.lifecycle import draw_lifecycle
from sandbox.population.mandatory_qualifications import mandatory_qualifications
from sandbox.population.other_events import other_events
from sandbox.population.people import draw_people
from sandbox.population.person_plumbing import award_emails, migration_report, search_attributes
from sandbox.population.persons import person_rows
from sandbox.population.previous_names import draw_previous_names
from sandbox.population.qualifications import describe_routes
from sandbox.population.requests import draw_accounts, draw_requests
from sandbox.population.routes import draw_routes, statuses
from sandbox.population.transactions import transactions
from sandbox.population.world import World


def chunk_frames(
    world: World, chunk: int, cohorts: Cohorts, start: int, stop: int
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Table and rows, for persons start..stop-1 and all that hangs on them. Depends on nothing outside the chunk."""
    people = draw_people(world.seed, chunk, cohorts, start, stop, world.today)
    life = draw_lifecycle(world, chunk, people)
    routes = draw_routes(world.seed, chunk, people, world.today, life.died)
    held = statuses(people, routes)
    details = describe_routes(world, chunk, people, routes)
    induction = inductions.draw_inductions(world, chunk, people, routes, held, details.exempt)
    previous = draw_previous_names(world, chunk, people, life.merged)
    posts = draw_posts(world, chunk, people, held, life)
    employments = employment_rows(world, chunk, people, posts)
    requests = draw_requests(world, chunk, people, life)
    accounts = draw_accounts(world, chunk, people, life)
    alerts = draw_alerts(world, chunk, people)
    mqs = mandatory_qualifications(world, chunk, people, held.qts_date)
    persons = person_rows(
        world, chunk, people, life, routes, held, induction, previous, employments, requests, details.updated
    )
    yield "trn_request_metadata", requests
    yield "persons", persons
    yield "previous_names", previous
    yield "qualifications", details.frame
    yield "qualifications", mqs
    yield "alerts", alerts
    yield "one_login_users", accounts
    yield "tps_employments", employments
    loads, items = extract_items(world, chunk, people, posts, extract_files(world))
    yield "tps_csv_extract_load_items", loads
    yield "tps_csv_extract_items", items
    log = EventLog(world, chunk)
    drawn = tasks.draw_tasks(world, chunk, people, requests, accounts)
    yield "support_tasks", drawn.tasks
    yield "support_task_notes", drawn.notes
    yield "notes", notes.draw_notes(log, people)
    tasks.task_events(log, drawn)
    route_events.route_events(log, routes, details, held, induction)
    route_events.induction_events(log, people, induction)
    person_events.person_events(log, people, life, persons, previous)
    person_events.alert_events(log, alerts)
    career_events.mq_events(log, mqs)
    career_events.employment_events(log, employments)
    _sign_ins(log, accounts)
    if chunk == 0:
        other_events(log, persons)
    for table, parts in log.frames.items():
        for part in parts:
            yield table, part
    yield "route_migration_report_items", migration_report(world, chunk, routes, details)
    yield from award_emails(world, chunk, persons)
    yield from transactions(world, chunk, persons, alerts)
    yield "person_search_attributes", search_attributes(chunk, persons)


def _sign_ins(log: EventLog, accounts: pl.DataFrame) -> None:
    """Sign-ins of a share of the accounts."""
    events = log.writer("sign-ins")
    some = pl.Series(chance(events.rng, len(accounts), 0.3))
    last = pl.lit(log.world.moment - np.timedelta64(1, "h")).cast(pl.Datetime("us"))
    facts = accounts.filter(pl.col("verified_on").is_not_null() & some).with_columns(
        signed_in=pl.min_horizontal(pl.col("verified_on").dt.offset_by("26h"), last)
    )
    events.process("OneLoginUserSignedInEvent", facts, {"OneLoginUser": obj()}, at="signed_in")
