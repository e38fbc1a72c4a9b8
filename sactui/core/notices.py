"""Telling a person who looks elsewhere: which changes notify, and by which way.

Pure but for :func:`run_hook`. A notice is text of the cluster: it is shown with its
control bytes as escapes, and reaches a hook as an argument or a variable, never as shell.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ..domain.changes import Change, Weight
from ..domain.state import AgentState
from ..domain.text import visible
from ..errors import SettingsError

#: What a person may choose, and what each word means.
EVENTS: Mapping[str, str] = {
    "asking": "an agent asks something",
    "ended": "an agent exited, was killed or lost its allocation",
    "limited": "an agent reached its usage limit",
    "idle": "an agent finished its turn",
    "reservation": "a reservation started, ended or was taken over by its successor",
    "job": "a job of yours failed",
    "link": "a host was lost, waits for you, or is back",
}
#: What notifies when nothing is chosen.
USUAL = ("asking", "ended", "reservation")

_LONGEST = 240
#: A hook that takes longer is ended.
_HOOK_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to say: ``event`` is a key of :data:`EVENTS`."""

    event: str
    title: str
    text: str
    host: str
    name: str
    at: float


@dataclass(frozen=True, slots=True)
class Rules:
    """A person's choice. ``quiet`` is (from, to) in minutes of the local day, or None."""

    events: frozenset[str] = frozenset(USUAL)
    bell: bool = True
    desktop: bool = True  # OSC 9, which terminals show as a notification of the desktop
    command: tuple[str, ...] = ()
    quiet: tuple[int, int] | None = None


def notices(changed: Iterable[Change], rules: Rules) -> tuple[Notice, ...]:
    """The notices of some changes; none in quiet hours."""
    found = []
    for change in changed:
        event = event_of(change)
        if event in rules.events and not silent(rules.quiet, change.at):
            found.append(_notice(event, change))
    return tuple(found)


def event_of(change: Change) -> str:
    """The event a change belongs to; empty for none."""
    if change.kind == "agent":
        try:
            state = AgentState(change.after)
        except ValueError:
            return ""
        if state is AgentState.ASKING:
            return "asking"
        if state.needs_you:
            return "ended"
        return state.value if state in (AgentState.LIMITED, AgentState.IDLE) and change.before else ""
    if change.kind == "job":
        return "job" if change.weight is Weight.NEEDS_YOU else ""
    return change.kind if change.kind in ("reservation", "link") else ""


def silent(quiet: tuple[int, int] | None, at: float) -> bool:
    """Whether ``at`` (epoch seconds) is within the quiet hours of the local day."""
    if quiet is None:
        return False
    local = time.localtime(at)
    minute = local.tm_hour * 60 + local.tm_min
    start, end = quiet
    return start <= minute < end if start <= end else minute >= start or minute < end


def hours(text: str) -> tuple[int, int] | None:
    """``22:00-07:00`` as minutes of the day; empty is None. Raises SettingsError."""
    if not text:
        return None
    parts = text.split("-")
    minutes = []
    for part in parts:
        hour, colon, minute = part.strip().partition(":")
        if not colon or not (hour.isdecimal() and minute.isdecimal() and int(hour) < 24 and int(minute) < 60):
            break
        minutes.append(int(hour) * 60 + int(minute))
    if len(minutes) != 2 or len(parts) != 2:
        raise SettingsError(f"quiet hours {text!r} are not two times", 'write "22:00-07:00"')
    return minutes[0], minutes[1]


def _notice(event: str, change: Change) -> Notice:
    after = change.after or "gone"
    where = f" on {change.host}" if change.host and change.host != change.name else ""
    title = visible(f"{change.name}: {after}{where}")[:_LONGEST]
    return Notice(event, title, visible(change.why)[:_LONGEST], change.host, change.name, change.at)


def osc9(notice: Notice) -> str:
    """The escape sequence of a desktop notification; its text cannot end it early."""
    text = f"sactui: {notice.title}" + (f" - {notice.text}" if notice.text else "")
    return f"\x1b]9;{''.join(c for c in text if c.isprintable())}\x07"


async def run_hook(command: Sequence[str], notice: Notice) -> str:
    """Run a person's command for a notice; the empty string, or why it failed.

    ``{title}``, ``{text}``, ``{event}``, ``{host}`` and ``{name}`` in its words are replaced;
    the same stand in ``SACTUI_NOTICE_*``. No shell is involved.
    """
    values = {
        "title": notice.title,
        "text": notice.text,
        "event": notice.event,
        "host": notice.host,
        "name": notice.name,
    }
    argv = []
    for word in command:
        for key, value in values.items():
            word = word.replace(f"{{{key}}}", value)
        argv.append(word)
    environment = os.environ | {f"SACTUI_NOTICE_{key.upper()}": value for key, value in values.items()}
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError as error:
        return f"notices.command {argv[0]!r} cannot be run: {error.strerror or error}"
    try:
        async with asyncio.timeout(_HOOK_SECONDS):
            status = await process.wait()
    except TimeoutError:
        return f"notices.command {argv[0]!r} took longer than {_HOOK_SECONDS} s and was ended"
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return f"notices.command {argv[0]!r} ended with {status}" if status else ""


__all__ = ["EVENTS", "USUAL", "Notice", "Rules", "event_of", "hours", "notices", "osc9", "run_hook"]
