"""Details of one thing as data: every front end shows them without knowing what it is."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Part:
    """One titled group of (label, value), or a text as it is.

    Values are words for people, already harmless on one line; ``text`` is exactly what was
    read (a script), to be made visible line by line.
    """

    title: str
    facts: tuple[tuple[str, str], ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Details:
    """Everything known about one thing, when it was asked, and from where.

    ``headline`` is one sentence, ``remedy`` what to do about it; ``missing`` names the
    sources that could not be had, each with its reason.
    """

    host: str
    name: str
    at: float
    headline: str
    remedy: str = ""
    parts: tuple[Part, ...] = ()
    sources: tuple[str, ...] = ()
    missing: tuple[tuple[str, str], ...] = field(default=())

    def part(self, title: str) -> Part | None:
        """The part of that title."""
        return next((part for part in self.parts if part.title == title), None)
