"""What was seen, when, and what failed since: the last good part of every section stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from ..domain.fleet import Trouble
from ..domain.job import Job
from ..domain.pane import Server
from ..domain.state import Link

T = TypeVar("T")


class Same(Generic[T]):
    """A value that is compared by being the same one: the key of what was drawn from it before."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.value is self.value


@dataclass(frozen=True, slots=True)
class Seen(Generic[T]):
    """One section of a refresh.

    ``value`` and ``at`` (epoch seconds) are the last good look, however old;
    ``trouble`` is set when the newest look failed. Never looked: all ``None``.
    """

    value: T | None = None
    at: float | None = None
    trouble: Trouble | None = None

    def good(self, value: T, at: float) -> Seen[T]:
        """A look that succeeded replaces everything."""
        return Seen(value, at, None)

    def failed(self, trouble: Trouble) -> Seen[T]:
        """A look that failed keeps the last good value and its age."""
        return Seen(self.value, self.at, trouble)


@dataclass(frozen=True, slots=True)
class HostPicture:
    """Everything last seen of one host."""

    host: str
    link: Link = Link.IDLE
    transport: str = ""
    latency: float | None = None
    next_try: float | None = None
    link_trouble: Trouble | None = None
    calls_per_minute: float = 0.0
    interval: float = 0.0
    cluster: str = ""
    user: str = ""
    private: bool = False
    jobs: Seen[tuple[Job, ...]] = field(default_factory=Seen)
    #: job id -> what its tmux server answered
    servers: Mapping[int, Seen[Server]] = field(default_factory=dict)

    def with_server(self, job_id: int, seen: Seen[Server]) -> HostPicture:
        """The same picture with one server replaced."""
        return replace(self, servers={**self.servers, job_id: seen})
