"""Functions of T-SQL, asked of PostgreSQL: the answers are those of SQL Server's documentation."""

from __future__ import annotations

from tests.python.conftest import FreshDatabases
from warehouse.query.tsql import OldNames, translate

ANSWERS = [
    # DATEDIFF counts boundaries.
    ("DATEDIFF(year, '2020-12-31', '2021-01-01')", "1"),
    ("DATEDIFF(quarter, '2020-12-31', '2021-01-01')", "1"),
    ("DATEDIFF(month, '2020-01-31', '2020-02-01')", "1"),
    ("DATEDIFF(mm, '2020-03-01', '2020-01-31')", "-2"),
    ("DATEDIFF(day, '2020-02-28 23:59', '2020-03-01 00:01')", "2"),
    ("DATEDIFF(week, '2020-01-04', '2020-01-05')", "1"),
    ("DATEDIFF(week, '2020-01-05', '2020-01-11')", "0"),
    ("DATEDIFF(hour, '2020-01-01 10:59', '2020-01-01 11:01')", "1"),
    ("DATEDIFF(minute, '2020-01-01 10:00:59', '2020-01-01 10:01:00')", "1"),
    ("DATEDIFF(second, '2020-01-01', '2020-01-02')", "86400"),
    # DATEADD keeps to the end of a month, and a day stays a day.
    ("DATEADD(month, 1, CAST('2006-08-31' AS date))", "2006-09-30"),
    ("DATEADD(year, -1, CAST('2020-02-29' AS date))", "2019-02-28"),
    ("DATEADD(hour, 1, CAST('2020-02-29' AS date))", "2020-02-29 01:00:00"),
    ("DATEADD(week, 2, '2020-01-01')", "2020-01-15 00:00:00"),
    ("DATEADD(day, 1.9, CAST('2020-01-01' AS date))", "2020-01-02"),
    # The old way to the first day of a month, and to a day without its time.
    ("DATEADD(month, DATEDIFF(month, 0, '2020-05-17'), 0)", "2020-05-01 00:00:00"),
    ("DATEADD(day, DATEDIFF(day, 0, '2020-05-17 13:14'), 0)", "2020-05-17 00:00:00"),
    ("EOMONTH('2020-02-10')", "2020-02-29"),
    ("EOMONTH('2020-01-31', 1)", "2020-02-29"),
    ("DATEFROMPARTS(2020, 2, 29)", "2020-02-29"),
    ("YEAR('2020-02-29') * 100 + MONTH('2020-02-29') + DAY('2020-02-29')", "202031"),
    ("DATEPART(weekday, '2020-01-05')", "1"),
    ("DATEPART(quarter, '2020-05-05')", "2"),
    ("DATEPART(dayofyear, '2020-12-31')", "366"),
    ("DATEPART(iso_week, '2021-01-03')", "53"),
    ("DATEPART(ss, '2020-01-01 10:00:59.9')", "59"),
    ("DATENAME(month, '2020-02-29') + DATENAME(weekday, '2020-02-29')", "FebruarySaturday"),
    ("DATENAME(year, '2020-02-29')", "2020"),
    # Styles.
    ("CONVERT(varchar(10), CAST('2020-02-09 13:14:15' AS datetime), 103)", "09/02/2020"),
    ("CONVERT(varchar(7), CAST('2020-02-09 13:14:15' AS datetime), 120)", "2020-02"),
    ("CONVERT(varchar(30), CAST('2020-02-09 13:14:15' AS datetime), 120)", "2020-02-09 13:14:15"),
    ("CONVERT(varchar(30), CAST('2020-02-09' AS date), 120)", "2020-02-09"),
    ("CONVERT(char(8), CAST('2020-02-09' AS date), 112)", "20200209"),
    ("CONVERT(varchar(11), CAST('2020-02-09' AS date), 106)", "09 Feb 2020"),
    ("CONVERT(date, '09/02/2020', 103)", "2020-02-09"),
    ("CONVERT(date, '20200209', 112)", "2020-02-09"),
    ("FORMAT(CAST('2020-02-09 13:14' AS datetime), 'dd/MM/yyyy HH:mm')", "09/02/2020 13:14"),
    ("FORMAT(1234567, 'N0')", "1,234,567"),
    # Numbers.
    ("CAST(-1.7 AS int)", "-1"),
    ("7 / 2", "3"),
    ("-7 % 3", "-1"),
    ("ROUND(2.345, 2)", "2.35"),
    ("CAST(2 AS varchar(5)) + 'x'", "2x"),
    ("CAST('x' AS varchar) + 'y'", "xy"),
    ("CAST('x' AS char(3)) + 'y'", "x  y"),
    ("CAST('long' AS nchar(2))", "lo"),
    # Whole numbers, if they are.
    ("TRY_CAST(' 12 ' AS int)", "12"),
    ("TRY_CAST('12a' AS int)", None),
    ("TRY_CAST('1.5' AS int)", None),
    ("TRY_CAST('' AS int)", "0"),
    ("TRY_CAST('-2147483648' AS int)", "-2147483648"),
    ("TRY_CAST('2147483648' AS int)", None),
    ("TRY_CONVERT(bigint, '2147483648')", "2147483648"),
    ("TRY_CONVERT(tinyint, '256')", None),
    ("TRY_CONVERT(varchar(3), 'long')", "lon"),
    # Texts.
    ("LEN('ab  ')", "2"),
    ("CHARINDEX('B', 'aabb')", "3"),
    ("CHARINDEX('a', 'banana', 3)", "4"),
    ("CHARINDEX('z', 'banana', 3)", "0"),
    ("SUBSTRING('abcdef', 2, 3)", "bcd"),
    ("LEFT('abc', 2) + RIGHT('abc', 2)", "abbc"),
    ("STUFF('abcdef', 2, 3, 'XX')", "aXXef"),
    ("REPLICATE('ab', 2) + SPACE(2) + REVERSE('ab')", "abab  ba"),
    ("CONCAT('a', NULL, 1)", "a1"),
    ("CHAR(65)", "A"),
    ("'a' + NULL", None),
    ("CASE WHEN 'Abc' = 'aBC' THEN 1 ELSE 0 END", "1"),
    ("CASE WHEN 'Abc' LIKE 'a_[b-d]' THEN 1 ELSE 0 END", "1"),
    ("CASE WHEN 'a-c' LIKE 'a[^b]c' THEN 1 ELSE 0 END", "1"),
    (r"CASE WHEN 'a\c' LIKE 'a\c' THEN 1 ELSE 0 END", "1"),
    ("CASE WHEN 'abc' NOT LIKE 'A%' THEN 1 ELSE 0 END", "0"),
    # London, in summer.
    (
        "CAST(CAST('2026-06-30 23:30' AS datetime) AT TIME ZONE 'UTC' AT TIME ZONE 'GMT Standard Time' AS date)",
        "2026-07-01",
    ),
    # Choices.
    ("IIF(1 = 2, 'a', 'b')", "b"),
    ("CHOOSE(2, 'a', 'b')", "b"),
    ("ISNULL(NULL, 'x')", "x"),
    ("NULLIF('A', 'a')", None),
    ("COALESCE(NULL, NULL, 3)", "3"),
    ("DATEDIFF(minute, GETDATE(), GETUTCDATE())", "0"),
    ("DATEDIFF(minute, CURRENT_TIMESTAMP, SYSDATETIME())", "0"),
]


def test_functions_answer_as_sql_server_does(prepared: FreshDatabases) -> None:
    values = ", ".join(f"{tsql} AS v{number}" for number, (tsql, _) in enumerate(ANSWERS))
    made = translate(f"SELECT {values}", lambda _: OldNames()).sql
    with prepared.warehouse() as connection:
        row = connection.execute(
            f"select {', '.join(f'q.v{n}::text' for n in range(len(ANSWERS)))} from ({made}) as q".encode()
        ).fetchone()
    assert row is not None
    assert dict(zip([tsql for tsql, _ in ANSWERS], row, strict=True)) == dict(ANSWERS)
