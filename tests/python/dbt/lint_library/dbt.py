"""Stands in for dbt's cross-database macros when sqlfluff renders a model, as PostgreSQL would have them."""


def type_string() -> str:
    return "text"


def type_int() -> str:
    return "integer"


def type_bigint() -> str:
    return "bigint"


def type_timestamp() -> str:
    return "timestamp"


def dateadd(datepart: str, interval: int, from_date_or_timestamp: str) -> str:
    return f"{from_date_or_timestamp} + ((interval '1 {datepart}') * ({interval}))"


def listagg(measure: str, delimiter_text: str, order_by_clause: str) -> str:
    return f"string_agg({measure}, {delimiter_text} {order_by_clause})"


def last_day(date: str, datepart: str) -> str:
    return f"date_trunc('{datepart}', {date}) + interval '1 {datepart} -1 day'"


def split_part(string_text: str, delimiter_text: str, part_number: int) -> str:
    return f"split_part({string_text}, {delimiter_text}, {part_number})"
