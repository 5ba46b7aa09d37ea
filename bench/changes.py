"""Changes at the source for the stream: 60 % updates of persons, 25 % new qualifications, 10 % updates of employments,
5 % deleted qualifications, each on rows drawn from the whole table."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg import sql

PEOPLE, NEW, POSTS, GONE = 0.60, 0.25, 0.10, 0.05


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        rows: changed rows.
        seconds: from the first transaction to the last.
        late: transactions that began more than a whole turn after their time; 0 without a rate.
        first, last: positions in the WAL just before the first and the last commit.
    """

    rows: int
    seconds: float
    transactions: int
    late: int
    first: str
    last: str

    @property
    def rate(self) -> float:
        return self.rows / self.seconds if self.seconds else 0.0


def write(
    conninfo: str, rows: int, size: int, rows_per_second: float = 0, writer: int = 0, writers: int = 1
) -> Written:
    """Write about so many rows in transactions of `size`, in one session of the server itself, which costs the machine
    next to nothing beside the changes. At a rate, or as fast as it can when that is 0.

    One that cannot keep its rate stops when it has taken a quarter longer than it should.

    Args:
        writer, writers: which of several sessions this one is; each changes rows that no other one changes.
    """
    transactions = max(rows // size, 1)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        _draw(connection, transactions * size, writer, writers)
        # By index whatever the planner thinks of a range that it does not know.
        for never in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin"):
            connection.execute(sql.SQL("set {} = off").format(sql.Identifier(never)))
        if not rows_per_second:
            # A backlog is not what is measured; at a rate the source's commits are as durable as ever.
            connection.execute("set synchronous_commit = off")
        connection.execute(
            "create temp table written (rows int, seconds float8, late int, first_at pg_lsn, last_at pg_lsn,"
            " transactions int)"
        )
        pause = size / rows_per_second if rows_per_second else 0
        connection.execute(
            sql.SQL(_LOOP).format(
                transactions=sql.Literal(transactions),
                size=sql.Literal(size),
                pause=sql.Literal(pause),
                writer=sql.Literal(writer),
                people=sql.Literal(PEOPLE),
                new=sql.Literal(NEW),
                posts=sql.Literal(POSTS),
                gone=sql.Literal(GONE),
            )
        )
        row = connection.execute(
            "select rows, seconds, late, first_at::text, last_at::text, transactions from written"
        ).fetchone()
        assert row is not None
        return Written(row[0], row[1], row[5], row[2], row[3], row[4])


def _draw(connection: psycopg.Connection, rows: int, writer: int, writers: int) -> None:
    """Which rows are to be changed, before the clock runs."""
    drawn = sql.SQL(
        "create temp table {drawn} as select row_number() over () as n, {key} from ("
        " select {key} from {table}, generate_series(0, {writers} * {most} / (select count(*) from {table}))"
        " where abs(hashtext({key}::text)) % {writers} = {writer} order by random()"
        " limit {most}) as r"
    )
    for table, key, share in (("persons", "person_id", PEOPLE + NEW), ("tps_employments", "tps_employment_id", POSTS)):
        most, into = sql.Literal(int(rows * share) + 10), sql.Identifier(f"drawn_{table}")
        connection.execute(
            drawn.format(
                drawn=into,
                table=sql.Identifier(table),
                key=sql.Identifier(key),
                most=most,
                writer=sql.Literal(writer),
                writers=sql.Literal(writers),
            )
        )
        connection.execute(sql.SQL("create unique index on {} (n)").format(into))
    connection.execute(
        sql.SQL(
            "create temp table new_ones as select n, gen_random_uuid() as id from generate_series(1, {}) as n"
        ).format(sql.Literal(int(rows * NEW) + 10))
    )
    connection.execute("create unique index on new_ones (n)")
    for table in ("drawn_persons", "drawn_tps_employments", "new_ones"):
        connection.execute(sql.SQL("analyze {}").format(sql.Identifier(table)))


_LOOP = """do $$
declare
    began timestamptz := clock_timestamp();
    turn timestamptz;
    wait float8;
    total int := 0; written_now int; late int := 0; done int := 0;
    from_people int; to_people int; from_new int; to_new int; from_posts int; to_posts int; from_gone int; to_gone int;
    first_ pg_lsn; last_ pg_lsn;
begin
    for t in 1..{transactions} loop
        if {pause} > 0 then
            turn := began + (t - 1) * {pause} * interval '1 second';
            wait := extract(epoch from turn - clock_timestamp());
            exit when wait < -0.25 * {transactions} * {pause};
            if wait > 0 then perform pg_sleep(wait);
            elsif wait < -{pause} then late := late + 1;
            end if;
        end if;
        from_people := floor((t - 1) * {size} * {people}); to_people := floor(t * {size} * {people});
        from_new := floor((t - 1) * {size} * {new}); to_new := floor(t * {size} * {new});
        from_posts := floor((t - 1) * {size} * {posts}); to_posts := floor(t * {size} * {posts});
        from_gone := floor((t - 1) * {size} * {gone}); to_gone := floor(t * {size} * {gone});
        update persons as p set
            email_address = 'change' || d.n || '.' || {writer} || '.' || extract(epoch from began) || '@example.org',
            updated_on = clock_timestamp()
        from drawn_persons as d where d.n > from_people and d.n <= to_people and p.person_id = d.person_id;
        get diagnostics written_now = row_count; total := total + written_now;
        insert into qualifications (qualification_id, created_on, updated_on, qualification_type, person_id,
            mq_specialism, mq_status, start_date)
        select i.id, now(), now(), 0, d.person_id, 2, 0, date '2020-01-01'
        from new_ones as i join drawn_persons as d on d.n = i.n where i.n > from_new and i.n <= to_new;
        get diagnostics written_now = row_count; total := total + written_now;
        update tps_employments as e set employer_postcode = 'AB' || d.n % 90 || ' 1CD', updated_on = clock_timestamp()
        from drawn_tps_employments as d
        where d.n > from_posts and d.n <= to_posts and e.tps_employment_id = d.tps_employment_id;
        get diagnostics written_now = row_count; total := total + written_now;
        delete from qualifications as q using new_ones as i
        where i.n > from_gone and i.n <= to_gone and q.qualification_id = i.id;
        get diagnostics written_now = row_count; total := total + written_now;
        if t = 1 then first_ := pg_current_wal_insert_lsn(); end if;
        if t = {transactions} then last_ := pg_current_wal_insert_lsn(); end if;
        done := t;
        commit;
    end loop;
    insert into written select total, extract(epoch from clock_timestamp() - began), late, first_, last_, done;
end $$"""
