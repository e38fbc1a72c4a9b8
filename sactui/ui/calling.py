"""Calling a person who looks elsewhere: the bell, a notification of the desktop, a command of theirs."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from textual.app import App

from ..core.notices import Notice, Rules, hours, notices, osc9, run_hook
from ..domain.changes import Change, changes
from ..domain.fleet import Fleet
from ..settings import NoticeSettings

#: Several at once are one interruption: the first few by name, then how many more.
_MOST = 3
#: How many changes the activity screen can look back on.
_REMEMBERED = 1000


def rules_of(settings: NoticeSettings) -> Rules:
    """A person's settings as rules."""
    return Rules(
        frozenset(settings.events),
        settings.bell,
        settings.desktop,
        tuple(settings.command),
        hours(settings.quiet),
    )


class Caller:
    """Compares each fleet with the one before, and calls.

    ``quiet`` says whether the terminal belongs to another program now: then only the
    command runs. ``failed`` is told why a command failed, once per reason.
    """

    def __init__(self, rules: Rules, quiet: Callable[[], bool], failed: Callable[[str], None]) -> None:
        self.rules = rules
        self._quiet, self._failed = quiet, failed
        self._before: Fleet | None = None
        #: What changed lately, the newest last.
        self.recent: deque[Change] = deque(maxlen=_REMEMBERED)
        self._said: set[str] = set()
        self._hooks: set[asyncio.Task[None]] = set()

    def seen(self, app: App[Any], fleet: Fleet) -> tuple[Notice, ...]:
        """Take a new fleet, call for what changed, and return the notices."""
        before, self._before = self._before, fleet
        if before is None or before.version == fleet.version:
            return ()
        changed = changes(before, fleet)
        self.recent.extend(changed)
        found = notices(changed, self.rules)
        if not found:
            return ()
        shown = found[:_MOST]
        if not self._quiet():
            if self.rules.bell:
                app.bell()
            if self.rules.desktop and (driver := app._driver) is not None and not app.is_headless:
                driver.write("".join(map(osc9, shown)))
        if self.rules.command:
            task = asyncio.create_task(self._run_hooks(shown), name="notices.command")
            self._hooks.add(task)
            task.add_done_callback(self._hooks.discard)
        return found

    async def _run_hooks(self, found: tuple[Notice, ...]) -> None:
        for notice in found:
            why = await run_hook(self.rules.command, notice)
            if why and why not in self._said:
                self._said.add(why)
                self._failed(why)

    async def settled(self) -> None:
        """Wait until no command runs any more."""
        await asyncio.gather(*self._hooks)

    async def close(self) -> None:
        """End commands that still run."""
        for task in self._hooks:
            task.cancel()
        await asyncio.gather(*self._hooks, return_exceptions=True)
