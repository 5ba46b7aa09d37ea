"""What is known of one function of T-SQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlglot import exp

from warehouse.query.tsql.findings import Refused, Report
from warehouse.query.tsql.kinds import Kind
from warehouse.query.tsql.templates import call, pg

KindOf = Callable[[Sequence[exp.Expr], Callable[[exp.Expr], Kind]], Kind]


@dataclass(frozen=True)
class Call:
    """A function as a query calls it, with its arguments translated already."""

    node: exp.Anonymous
    arguments: Sequence[tuple[exp.Expr, Kind]]
    report: Report

    def __getitem__(self, number: int) -> exp.Expr:
        return self.arguments[number][0]

    def __len__(self) -> int:
        return len(self.arguments)

    @property
    def name(self) -> str:
        return str(self.node.name).upper()

    def kind(self, number: int) -> Kind:
        return self.arguments[number][1]

    def text(self, number: int) -> exp.Expr:
        """An argument as a text."""
        return as_text(*self.arguments[number])


@dataclass(frozen=True)
class Function:
    """A function of T-SQL.

    Attributes:
        write: what it is in PostgreSQL.
        kind: of what it gives.
        says: what to say of the translation; nothing where only the name differs.
    """

    write: Callable[[Call], exp.Expr]
    kind: Kind | KindOf
    fewest: int
    most: int
    says: str = ""


def same(name: str = "") -> Callable[[Call], exp.Expr]:
    """The same function, by another name if there is one."""
    return lambda called: call(name or called.name.lower(), *(one for one, _ in called.arguments))


def of_texts(name: str = "") -> Callable[[Call], exp.Expr]:
    """The same function of texts."""
    return lambda called: call(name or called.name.lower(), *(called.text(number) for number in range(len(called))))


def template(sql: str) -> Callable[[Call], exp.Expr]:
    """A template with the arguments as :a, :b, :c and :d."""
    return lambda called: pg(sql, **{"abcd"[number]: called[number] for number in range(len(called))})


def as_argument(number: int) -> KindOf:
    """The kind of one of the arguments."""
    return lambda arguments, kind: kind(arguments[number]) if number < len(arguments) else Kind.unknown


def as_text(node: exp.Expr, kind: Kind) -> exp.Expr:
    """A value as SQL Server writes it as a text."""
    if kind.is_time:
        raise Refused(
            "A date becomes a text in a form that SQL Server's settings decide.",
            "Say the form, for example CONVERT(varchar(10), x, 120).",
        )
    if kind is Kind.boolean:
        return pg("cast(cast(:a as int) as text)", a=node)
    if kind is Kind.uuid:
        return pg("upper(cast(:a as text))", a=node)
    if kind is Kind.key:
        return pg("upper(:a)", a=node)
    return pg("cast(:a as text)", a=node) if kind.is_number else node
