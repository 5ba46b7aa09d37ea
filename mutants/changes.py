"""What may be changed in a model: one small fault at a time, each of a kind that people make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mutants.tokens import Token, tokens_of

COMPARISONS: Final = {"=": "!=", "!=": "=", "<>": "=", "<": "<=", "<=": "<", ">": ">=", ">=": ">"}
WORDS: Final = {"and": "or", "or": "and", "asc": "desc", "desc": "asc"}
KINDS: Final = {"and": "logic", "or": "logic", "asc": "order", "desc": "order"}
AGGREGATES: Final = {"max": "min", "min": "max", "sum": "max"}
CONSTANTS: Final = {"true": "false", "false": "true"}
JOINS: Final = {"left": "inner", "inner": "left"}


@dataclass(frozen=True)
class Change:
    """One fault: the characters from `start` to `end` of a model become `after`.

    `line` and `change` name it in the list of accepted ones, so that it is still the same after other lines move.
    """

    kind: str
    start: int
    end: int
    after: str
    line: str
    change: str


def changes_of(sql: str) -> list[Change]:
    """Every fault that can be put into a model, in the order of its lines."""
    tokens = tokens_of(sql)
    spans = sorted(set(_spans(sql, tokens)), key=lambda span: (span[1], -span[2]))
    seen: Counter[tuple[str, str]] = Counter()
    found: list[Change] = []
    for kind, start, end, after in spans:
        line = _line(sql, start)
        change = f"{' '.join(sql[start:end].split())} → {after or 'nothing'}"
        seen[line, change] += 1
        number = seen[line, change]
        found.append(Change(kind, start, end, after, line, change if number == 1 else f"{change} ({number})"))
    return found


def _line(sql: str, at: int) -> str:
    return sql[sql.rfind("\n", 0, at) + 1 :].partition("\n")[0].strip()


Span = tuple[str, int, int, str]


def _spans(sql: str, tokens: list[Token]) -> Iterator[Span]:
    defaults = list(_defaults(sql, tokens))
    yield from defaults
    # A constant that is a default is changed as one.
    taken = {(start, end) for _, start, end, _ in defaults}
    for kind, start, end, after in _of_single_tokens(tokens):
        if (start, end) not in taken:
            yield kind, start, end, after


def _of_single_tokens(tokens: list[Token]) -> Iterator[Span]:
    ranges: list[int] = []
    for at, token in enumerate(tokens):
        before = tokens[at - 1] if at else None
        behind = tokens[at + 1] if at + 1 < len(tokens) else None
        if token.kind == "operator" and token.text in COMPARISONS:
            yield "comparison", token.start, token.end, COMPARISONS[token.text]
        elif token.is_word("between"):
            ranges.append(token.depth)
            yield "comparison", token.start, token.end, "not between"
        elif token.is_word("and") and token.depth in ranges:
            ranges.remove(token.depth)
        elif token.is_word(*WORDS):
            yield KINDS[token.lower], token.start, token.end, WORDS[token.lower]
        elif token.is_word("is") and behind and behind.is_word("null"):
            yield "comparison", token.start, behind.end, "is not null"
        elif token.is_word("null") and before and before.is_word("not") and tokens[at - 2].is_word("is"):
            yield "comparison", tokens[at - 2].start, token.end, "is null"
        elif token.is_word("in") and behind and behind.is_sign("("):
            negated = before is not None and before.is_word("not")
            yield "comparison", before.start if negated and before else token.start, token.end, _in(negated)
        elif token.is_word("not") and behind and not behind.is_word("null", "in"):
            yield "logic", token.start, token.end, ""
        elif token.is_word(*CONSTANTS):
            yield "constant", token.start, token.end, CONSTANTS[token.lower]
        elif not _adds_a_constant(tokens, at) and not _is_taken_up_by_a_later_union(tokens, at):
            yield from _of_phrases(token, behind)


def _adds_a_constant(tokens: list[Token], at: int) -> bool:
    """Whether a union adds a row of constants: a list written out, in which nothing is twice."""
    if not tokens[at].is_word("union"):
        return False
    depth = tokens[at].depth
    for token in tokens[at + 1 :]:
        if token.depth < depth or token.is_word("union"):
            return True
        if token.depth == depth and token.is_word("from"):
            return False
    return True


def _is_taken_up_by_a_later_union(tokens: list[Token], at: int) -> bool:
    """Whether a `union all` has another behind it: a `distinct` there takes repeats out of both."""
    if not _is_union_all(tokens, at):
        return False
    for later in range(at + 1, len(tokens)):
        if tokens[later].depth < tokens[at].depth:
            return False
        is_of_the_chain = tokens[later].depth == tokens[at].depth and _is_union_all(tokens, later)
        if is_of_the_chain and not _adds_a_constant(tokens, later):
            return True
    return False


def _is_union_all(tokens: list[Token], at: int) -> bool:
    return tokens[at].is_word("union") and tokens[at + 1].is_word("all")


def _in(negated: bool) -> str:
    return "in" if negated else "not in"


def _of_phrases(token: Token, behind: Token | None) -> Iterator[Span]:
    if behind is None:
        return
    if token.is_word(*JOINS) and behind.is_word("join"):
        yield "join", token.start, token.end, JOINS[token.lower]
    elif token.is_word(*AGGREGATES) and behind.is_sign("("):
        yield "aggregate", token.start, token.end, AGGREGATES[token.lower]
    elif token.is_word("union"):
        after = {"all": "union distinct", "distinct": "union all"}.get(behind.lower)
        if after:
            yield "union", token.start, behind.end, after
    elif token.is_word("select") and behind.is_word("distinct"):
        yield "union", behind.start, behind.end, ""


def _defaults(sql: str, tokens: list[Token]) -> Iterator[Span]:
    """The last argument of each coalesce, and what stands behind the else of a case."""
    cases: list[int] = []
    for at, token in enumerate(tokens):
        if token.is_word("coalesce") and tokens[at + 1].is_sign("("):
            yield from _last_argument(sql, tokens, at + 1)
        elif token.is_word("case"):
            cases.append(at)
        elif token.is_word("end") and cases:
            opened = cases.pop()
            yield from _else(sql, tokens, opened, at)


def _last_argument(sql: str, tokens: list[Token], opened: int) -> Iterator[Span]:
    depth = tokens[opened].depth
    closed = next(n for n in range(opened + 1, len(tokens)) if tokens[n].is_sign(")") and tokens[n].depth == depth)
    commas = [n for n in range(opened, closed) if tokens[n].is_sign(",") and tokens[n].depth == depth + 1]
    if commas:
        yield _default(sql, tokens[commas[-1] + 1].start, tokens[closed - 1].end)


def _else(sql: str, tokens: list[Token], opened: int, closed: int) -> Iterator[Span]:
    inner = 0
    for at in range(opened + 1, closed):
        token = tokens[at]
        inner += token.is_word("case")
        inner -= token.is_word("end")
        if token.is_word("else") and inner == 0:
            yield _default(sql, tokens[at + 1].start, tokens[closed - 1].end)


def _default(sql: str, start: int, end: int) -> Span:
    """Another value of the same type: of a truth its opposite, of a number 0 (of 0 it is 1), of anything else null."""
    value = sql[start:end].lower()
    if value in CONSTANTS:
        return "default", start, end, CONSTANTS[value]
    if value.lstrip("-").isdigit():
        return "default", start, end, "1" if value == "0" else "0"
    return "default", start, end, "null"
