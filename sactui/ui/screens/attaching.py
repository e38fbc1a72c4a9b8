"""Attaching to an agent from a screen: in a pane of the console, or with the whole terminal."""

from __future__ import annotations

from collections.abc import Callable

from textual.screen import Screen

from ...core.controller import Controller
from ...domain.fleet import Agent
from ...errors import SactuiError
from .attach import AttachScreen


class Attaching:
    """Attaches from ``screen``; ``say`` gets the sentence about how it ended."""

    def __init__(
        self, screen: Screen[None], controller: Controller, say: Callable[[str | None], None]
    ) -> None:
        self._screen = screen
        self._controller = controller
        self._say = say

    def pane(self, agent: Agent) -> None:
        """Attach in a pane below the console's own title."""
        title = " · ".join(part for part in (agent.name, agent.node, agent.model) if part)
        attach = AttachScreen(
            agent.name,
            title,
            lambda columns, rows: self._controller.open_terminal(agent.name, columns, rows),
            lambda: self._after(agent.name),
        )
        self._screen.app.push_screen(attach, self._say)
        self._controller.look_now()

    async def _after(self, name: str) -> str:
        """Why an attached terminal ended, from a fresh look: no exit status is a proof."""
        return await self._controller.why_ended(name)

    def whole(self, agent: Agent) -> None:
        """Give the agent the whole terminal; the console waits."""
        self._screen.run_worker(self._hand_over(agent.name), exclusive=True, group="attach")

    async def _hand_over(self, name: str) -> None:
        from ..app import SactuiApp

        app = self._screen.app
        assert isinstance(app, SactuiApp)
        try:
            argv = await self._controller.foreground(name)
        except SactuiError as error:
            self._say(str(error))
            return
        await app.hand_over(argv)
        self._say(await self._controller.why_ended(name))
