"""A change before it happens: the exact commands, what is lost, and how it is proved.

``plan`` functions are pure. Whoever runs a plan re-checks the identity first, runs it,
and then *looks*: the exit status of a remote command is never the proof.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Grade(StrEnum):
    """How a plan is confirmed, graded by what is lost."""

    NONE = "none"  # nothing is lost: no question
    ASK = "ask"  # starts something, or loses the work of one: a dialog
    TYPE = "type"  # loses the work of several: the name is typed


@dataclass(frozen=True, slots=True)
class Plan:
    """One change to one host.

    ``kind`` names the action that runs it, ``target`` what it changes, ``impact`` says in
    sentences what will happen and what is lost, ``commands`` are shown as they will run.
    ``data`` is what the action needs; never a secret.
    """

    kind: str
    host: str
    target: str
    title: str
    impact: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    grade: Grade = Grade.ASK
    data: dict[str, Any] = field(default_factory=dict)


class Result(StrEnum):
    """What came of a plan, as far as looking showed."""

    DONE = "done"
    FAILED = "failed"
    PARTLY = "partly"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a plan, with the evidence that was seen."""

    result: Result
    message: str
    evidence: str = ""
    remedy: str = ""
    parts: tuple[tuple[str, Outcome], ...] = ()

    @property
    def exit_code(self) -> int:
        """The exit code of the command line for this outcome."""
        return {Result.DONE: 0, Result.FAILED: 1, Result.PARTLY: 3, Result.UNKNOWN: 4}[self.result]


def together(parts: dict[str, Outcome], verb: str) -> Outcome:
    """One outcome for several targets: done only when every part is."""
    results = {outcome.result for outcome in parts.values()}
    if len(parts) == 1:
        return next(iter(parts.values()))
    done = sum(outcome.result is Result.DONE for outcome in parts.values())
    if results == {Result.DONE}:
        result = Result.DONE
    elif done:
        result = Result.PARTLY
    elif Result.FAILED in results:
        result = Result.FAILED
    else:
        result = Result.UNKNOWN
    failed = [
        f"{name}: {outcome.message}" for name, outcome in parts.items() if outcome.result is not Result.DONE
    ]
    message = f"{done} of {len(parts)} {verb}" + ("; " + "; ".join(failed) if failed else "")
    return Outcome(result, message, parts=tuple(parts.items()))
