"""The filter language of every table: ``state:running part:gpu gpu:>0 age:<1h /regex/ !not``.

A filter is a row of terms, and a row must satisfy each of them::

    train            the text is somewhere in the row
    "two words"      the same, with spaces
    /tr.*-\\d+$/      a regular expression, somewhere in the row
    state:running    the field holds the text (case does not matter)
    state:running,pending   one of them
    name:=build      the field is exactly that
    name:/^tr/       the field matches
    gpu:>0  cpus:2..8  age:<1h  mem:>=16G   numbers, spans of time, amounts of memory
    node:            the field is not empty
    !term            not that

Everything here is pure. A mistake is a :class:`QueryError` with its place in the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from operator import eq, ge, gt, le, lt
from typing import Generic, TypeAlias, TypeVar

from ..errors import SactuiError

T = TypeVar("T")
Value: TypeAlias = "str | float | None"


class Kind(StrEnum):
    """What a field's values are, and so how they compare and sort."""

    TEXT = "text"
    NUMBER = "number"
    DURATION = "duration"  # seconds
    MEMORY = "memory"  # MiB


@dataclass(frozen=True, slots=True)
class Field(Generic[T]):
    """One named value of a row.

    ``value(item, now)`` is None where it is not known: that satisfies no comparison, and
    sorts last. ``timely`` marks values that change by themselves as time passes.
    """

    name: str
    kind: Kind
    value: Callable[[T, float], Value]
    help: str
    timely: bool = False
    aliases: tuple[str, ...] = ()
    #: Whether a bare word looks into it.
    searched: bool = True


class QueryError(SactuiError):
    """A filter that cannot be understood; ``position`` counts characters from 0."""

    layer = "filter"

    def __init__(self, message: str, position: int, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.position = position


_Test: TypeAlias = "Callable[[T, float], bool]"


@dataclass(frozen=True, slots=True)
class Query(Generic[T]):
    """A filter that was understood. ``timely``: its answer changes by itself as time passes."""

    text: str
    tests: tuple[_Test[T], ...]
    timely: bool = False

    def matches(self, item: T, now: float) -> bool:
        """Whether a row satisfies every term at ``now`` (epoch seconds)."""
        return all(test(item, now) for test in self.tests)

    def select(self, items: Sequence[T], now: float) -> list[T]:
        """The rows that do, in their order."""
        tests = self.tests
        if len(tests) == 1:
            (test,) = tests
            return [item for item in items if test(item, now)]
        return [item for item in items if all(test(item, now) for test in tests)]


def named(fields: Iterable[Field[T]]) -> dict[str, Field[T]]:
    """The fields by name and alias."""
    found: dict[str, Field[T]] = {}
    for field in fields:
        for name in (field.name, *field.aliases):
            found.setdefault(name, field)
    return found


def parse(text: str, fields: Sequence[Field[T]], *, me: str = "") -> Query[T]:
    """Understand a filter; ``me`` is who ``user:me`` means. Raises QueryError."""
    known = named(fields)
    reader = _Reader(text, known, me, tuple(f for f in fields if f.searched))
    tests: list[_Test[T]] = []
    while (test := reader.term()) is not None:
        tests.append(test)
    return Query(text, tuple(tests), reader.timely)


def ordered(items: Sequence[T], field: Field[T], now: float, *, descending: bool = False) -> list[T]:
    """The rows by a field: numbers and times as such, text without case; what is not known last."""
    known: list[tuple[object, int, T]] = []
    unknown: list[T] = []
    for index, item in enumerate(items):
        value = field.value(item, now)
        if value is None or value == "":
            unknown.append(item)
        else:
            known.append((_sort_key(value), index, item))
    # Rows that are equal keep their order, whichever way the rest goes.
    known.sort(key=lambda entry: entry[0], reverse=descending)  # type: ignore[arg-type, return-value]
    return [item for _, _, item in known] + unknown


_DIGITS = re.compile(r"(\d+)")


def _sort_key(value: str | float) -> object:
    """Text sorts with its numbers as numbers: ``job-9`` before ``job-10``."""
    if not isinstance(value, str):
        return value
    parts = _DIGITS.split(value.casefold())
    return tuple((part.zfill(12) if at % 2 else part) for at, part in enumerate(parts))


# --- reading -----------------------------------------------------------------

_FIELD = re.compile(r"([A-Za-z][A-Za-z_-]*):")
_COMPARE: tuple[tuple[str, Callable[[float, float], bool]], ...] = (
    (">=", ge),
    ("<=", le),
    (">", gt),
    ("<", lt),
    ("=", eq),
)
_UNITS: Mapping[Kind, Mapping[str, float]] = {
    Kind.NUMBER: {"": 1, "k": 1000},
    Kind.DURATION: {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400},
    Kind.MEMORY: {"": 1, "k": 1 / 1024, "m": 1, "g": 1024, "t": 1024 * 1024},
}
_EXAMPLES = {
    Kind.NUMBER: ">0, 4, 2..8",
    Kind.DURATION: "<1h, >2d, 30m..2h",
    Kind.MEMORY: ">16G, 512M, 1G..8G",
    Kind.TEXT: "text",
}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]?)")


class _Reader(Generic[T]):
    """Walks the text from left to right, so that every mistake has its place."""

    def __init__(
        self, text: str, fields: Mapping[str, Field[T]], me: str, searched: Sequence[Field[T]]
    ) -> None:
        self._text = text
        self._at = 0
        self._fields = fields
        self._me = me
        self._searched = searched
        self.timely = False

    def term(self) -> _Test[T] | None:
        """The next term's test; None at the end."""
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1
        if self._at == len(self._text):
            return None
        start = self._at
        if self._text[self._at] == "!":
            self._at += 1
            test = self.term() if self._more() else None
            if test is None:
                raise QueryError("'!' needs a term behind it", start, "for example !state:done")
            return lambda item, now: not test(item, now)
        if found := _FIELD.match(self._text, self._at):
            return self._field(found)
        matcher = self._matcher()
        searched = self._searched

        def anywhere(item: T, now: float) -> bool:
            return any(
                matcher(value if isinstance(value, str) else f"{value:g}")
                for field in searched
                if (value := field.value(item, now)) is not None
            )

        return anywhere

    def _more(self) -> bool:
        return self._at < len(self._text) and not self._text[self._at].isspace()

    def _field(self, found: re.Match[str]) -> _Test[T]:
        name = found[1].lower()
        field = self._fields.get(name)
        if field is None:
            matches = [known for known in self._fields if known.startswith(name)]
            if len({self._fields[known].name for known in matches}) == 1:
                field = self._fields[matches[0]]
        if field is None:
            near = get_close_matches(name, self._fields, 1)
            known = ", ".join(dict.fromkeys(f.name for f in self._fields.values()))
            hint = f"did you mean {near[0]!r}?" if near else f"known: {known}"
            raise QueryError(f"there is no field {found[1]!r}", self._at, hint)
        self._at = found.end()
        self.timely = self.timely or field.timely
        if not self._more():
            value_of = field.value
            return lambda item, now: value_of(item, now) not in (None, "", 0)
        return self._text_test(field) if field.kind is Kind.TEXT else self._number_test(field)

    # -- text ---------------------------------------------------------------------

    def _text_test(self, field: Field[T]) -> _Test[T]:
        value_of = field.value
        whole = self._text[self._at] == "="
        if whole:
            self._at += 1
        matchers = [self._matcher(stop=",", whole=whole, me=field.name == "user")]
        while self._at < len(self._text) and self._text[self._at] == ",":
            self._at += 1
            matchers.append(self._matcher(stop=",", whole=whole, me=field.name == "user"))

        def test(item: T, now: float) -> bool:
            value = value_of(item, now)
            return value is not None and any(matches(str(value)) for matches in matchers)

        return test

    def _matcher(self, *, stop: str = "", whole: bool = False, me: bool = False) -> Callable[[str], bool]:
        """How text is compared: a regular expression, quoted words, or a plain word."""
        if self._at < len(self._text) and self._text[self._at] == "/":
            return self._regex()
        word = (self._quoted() if self._at < len(self._text) and self._text[self._at] == '"' else None) or (
            self._word(stop)
        )
        if me and word == "me" and self._me:
            word, whole = self._me, True
        needle = word.casefold()
        if whole:
            return lambda value: value.casefold() == needle
        return lambda value: needle in value.casefold()

    def _regex(self) -> Callable[[str], bool]:
        start, end = self._at, self._at + 1
        while end < len(self._text) and self._text[end] != "/":
            end += 2 if self._text[end] == "\\" else 1
        # An expression that is still being typed needs no end yet.
        body = self._text[start + 1 : end].replace("\\/", "/")
        self._at = min(end + 1, len(self._text))
        try:
            search = re.compile(body, re.IGNORECASE).search
        except (re.error, OverflowError, RecursionError) as error:
            at = start + 1 + (getattr(error, "pos", None) or 0)
            raise QueryError(
                f"not a regular expression: {error}", at, "quote it to find it as text"
            ) from None
        return lambda value: search(value) is not None

    def _quoted(self) -> str:
        end = self._text.find('"', self._at + 1)
        end = len(self._text) if end < 0 else end
        word = self._text[self._at + 1 : end]
        self._at = min(end + 1, len(self._text))
        return word

    def _word(self, stop: str) -> str:
        start = self._at
        while self._more() and self._text[self._at] != stop:
            self._at += 1
        return self._text[start : self._at]

    # -- numbers ------------------------------------------------------------------

    def _number_test(self, field: Field[T]) -> _Test[T]:
        tests = [self._comparison(field)]
        while self._at < len(self._text) and self._text[self._at] == ",":
            self._at += 1
            tests.append(self._comparison(field))
        value_of = field.value

        def test(item: T, now: float) -> bool:
            value = value_of(item, now)
            return isinstance(value, int | float) and any(holds(value) for holds in tests)

        return test

    def _comparison(self, field: Field[T]) -> Callable[[float], bool]:
        at = self._at
        word = self._word(",")
        for sign, compare in _COMPARE:
            if word.startswith(sign):
                limit = self._amount(field, word[len(sign) :], at + len(sign))
                return lambda value: compare(value, limit)
        low, dots, high = word.partition("..")
        first = self._amount(field, low, at)
        if dots:
            last = self._amount(field, high, at + len(low) + 2)
            return lambda value: first <= value <= last
        return lambda value: value == first

    def _amount(self, field: Field[T], word: str, at: int) -> float:
        """A number with the units of the field: ``4``, ``1d6h``, ``1.5G``."""
        units = _UNITS[field.kind]
        total, place = 0.0, 0
        while place < len(word):
            found = _PART.match(word, place)
            if found is None or found[2].lower() not in units:
                place = -1
                break
            total += float(found[1]) * units[found[2].lower()]
            place = found.end()
        if not word or place < 0:
            written = f"{word!r} is not" if word else "here belongs"
            noun = {Kind.NUMBER: "a number", Kind.DURATION: "a time", Kind.MEMORY: "an amount of memory"}
            raise QueryError(
                f"{field.name}: {written} {noun[field.kind]}", at, f"write {_EXAMPLES[field.kind]}"
            )
        return total
