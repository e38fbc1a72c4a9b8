"""The application: a controller, a theme, the fleet screen, and a terminal always left whole."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import subprocess
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.app import App
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widget import Widget

from .. import clock
from ..core import first_run
from ..core.attach import keep_mode, restore_terminal
from ..core.controller import Configuration, Controller
from ..core.snapshot import Memory
from ..domain.fleet import Fleet
from ..domain.keymap import KeyAction, bound
from ..domain.text import visible
from ..errors import SactuiError
from ..settings import Settings, config_path, load_settings, save_settings
from ..terminal.library import preload
from ..transport.base import Question
from .ascii import AsciiFilter
from .ascii import wanted as ascii_wanted
from .calling import Caller, rules_of
from .screens.activity import AWAY
from .screens.dialog import QuestionDialog
from .screens.fleet import FleetScreen
from .theme_file import EVERY as THEME_EVERY
from .theme_file import ThemeFile
from .theming import COLOURLESS, chosen, install, load_theme, theme_names

#: Seconds that a signalled console takes at the most.
_PATIENCE = 3.0


def _watch_terminal() -> None:
    """Turn a terminal that is gone into the SIGHUP that not every session leader passes on."""
    watch = select.poll()
    watch.register(0, 0)  # hang-up and error are always reported
    if watch.poll():
        os.kill(os.getpid(), signal.SIGHUP)


class FleetChanged(Message):
    """A new fleet is there. Several waiting for the screen collapse into the newest."""

    def __init__(self, fleet: Fleet) -> None:
        super().__init__()
        self.fleet = fleet

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, FleetChanged)


class SactuiApp(App[int], inherit_bindings=False):
    """The console. ``controller`` may be given for tests; else it is made and owned here."""

    TITLE = "sactui"
    ENABLE_COMMAND_PALETTE = False
    # Textual's own are not inherited: ctrl+c never quits, and ctrl+q leaves an attached agent.
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c", "help_quit", show=False)]
    CSS = """
    Screen { background: $background; color: $foreground; scrollbar-size-vertical: 1; }
    """

    def __init__(
        self,
        configuration: Configuration,
        *,
        theme: str | None = None,
        keys: Mapping[str, str] | None = None,
        settings: Settings | None = None,
        config: Path | None = None,
        controller: Controller | None = None,
    ) -> None:
        name = chosen(theme)
        # Textual decides about NO_COLOR before our theme is there, and would paint black on
        # black; the colourless theme uses the terminal's own two colours alone.
        super().__init__(ansi_color=True if name == COLOURLESS else None)
        self.keys: tuple[KeyAction, ...] = bound(keys)
        self.controller = controller or Controller(configuration, asker=self.ask)
        self.look = load_theme(name)
        self._theme_file = ThemeFile(name)
        self.settings = settings or Settings()
        self._ascii = AsciiFilter(self.settings.ascii or ascii_wanted())
        self._filters.append(self._ascii)
        self._config = config
        self.caller = Caller(rules_of(self.settings.notices), lambda: self._child is not None, self.complain)
        self._last_key = clock.now()
        #: The newest absence: (last key before it, first key after it).
        self.away: tuple[float, float] | None = None
        self._owned = controller is None
        self._memory = Memory(configuration.state_directory, configuration.hosts) if self._owned else None
        self._child: subprocess.Popen[bytes] | None = None
        self._stopped_by: int | None = None
        self._last_resort = threading.Timer(_PATIENCE, lambda: None)

    # -- life -------------------------------------------------------------------------

    def get_default_screen(self) -> FleetScreen:
        """The fleet is the first thing there is."""
        screen = FleetScreen(self.controller, self.keys, self.look)
        if self._memory is not None:
            screen.show(self._memory.over(self.controller.fleet))  # what was there when it was last left
        return screen

    def on_mount(self) -> None:
        install(self, self.look)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            # A test drives the app in a thread that cannot have signal handlers.
            with contextlib.suppress(ValueError):
                signal.signal(number, self._signalled(loop))
        self.controller.listen(self._changed)
        self.set_interval(THEME_EVERY, self._look_at_theme)
        # After the first paint: links and files are opened while the screen already stands.
        self.call_after_refresh(self._begin)

    def _look_at_theme(self) -> None:
        """Wear the theme's file as somebody writes it; a broken one is said and the last good one stays."""
        if self._theme_file.name != self.look.name:
            self._theme_file = ThemeFile(self.look.name)
        try:
            theme = self._theme_file.changed()
        except SactuiError as error:
            self.complain(error.message)
            return
        if theme is not None:
            self.look = theme
            install(self, theme)

    def complain(self, why: str) -> None:
        """Say that something of the person's own did not work."""
        self.notify(visible(why), severity="warning", timeout=8, markup=False)

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key | events.MouseDown):
            self.somebody_is_there()
        await super().on_event(event)

    def _changed(self, fleet: Fleet) -> None:
        self.caller.seen(self, fleet)
        self.post_message(FleetChanged(fleet))
        if self._memory is not None:
            self._memory.save(fleet)

    def _begin(self) -> None:
        # A tenth of a second of native loading, before the first attach asks for it.
        self.run_worker(asyncio.to_thread(preload), name="terminal engine", exit_on_error=False)
        if self._owned:
            self.run_worker(self._open_controller(), name="start", exit_on_error=True)

    async def _open_controller(self) -> None:
        await self.controller.start()
        if not self.controller.fleet.hosts:
            self.offer_hosts()

    def offer_hosts(self) -> None:
        """Nothing is configured: offer the hosts that ~/.ssh/config names."""
        from .screens.first_run import FirstRunDialog

        names = first_run.hosts(self.controller.configuration.ssh_config)
        self.push_screen(FirstRunDialog(names, self.controller.probe), self._hosts_chosen)

    async def _hosts_chosen(self, names: tuple[str, ...] | None) -> None:
        if not names:
            return
        try:
            path = save_settings({"hosts": list(names)}, self._config)
        except SactuiError as error:
            self.complain(str(error))
        else:
            self.notify(f"kept in {path}", timeout=5, markup=False)
        for name in names:
            await self.controller.host(name)

    async def on_unmount(self) -> None:
        await self.caller.close()
        if self._memory is not None:
            self._memory.save(self.controller.fleet, now=True)
        if self._owned:
            await self.controller.close()

    def on_fleet_changed(self, message: FleetChanged) -> None:
        screen = self.screen_stack[0]
        if isinstance(screen, FleetScreen):
            screen.show(message.fleet if self._memory is None else self._memory.over(message.fleet))

    def _signalled(self, loop: asyncio.AbstractEventLoop) -> Callable[[int, FrameType | None], None]:
        """A handler of its own, not the loop's: a loop that stands still must not hold it up."""

        def handle(number: int, frame: FrameType | None) -> None:
            self._stopped_by = number
            if not self._last_resort.is_alive():
                self._last_resort.start()
            loop.call_soon_threadsafe(self._on_signal, number)

        return handle

    def _on_signal(self, number: int) -> None:
        # A driver whose terminal has vanished can block for ever in its own writer thread;
        # the last resort ends the process all the same, and the cluster's side with it.
        if self._child is not None:
            self._child.terminate()
        self.exit(128 + number)

    def _fatal_error(self) -> None:
        """Say in a sentence that sactui broke; the traceback goes to a file, without values.

        Textual would print every local variable, and those hold screens of agents.
        """
        text = "".join(traceback.format_exc())
        where = self.controller.configuration.state_directory / "crash.log"
        try:
            where.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(where, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(text)
            told = f"The traceback is in {where}."
        except OSError:
            told = text
        self.panic(
            Text(f"sactui broke: {text.strip().splitlines()[-1]}\nNothing on the cluster was stopped. {told}")
        )

    def somebody_is_there(self) -> None:
        """Take note that somebody is there."""
        now = clock.now()
        if now - self._last_key >= AWAY:
            self.away = (self._last_key, now)
        self._last_key = now

    def open_activity(self) -> None:
        """What changed lately, and since the person left."""
        from .screens.activity import activity
        from .screens.dialog import MessageDialog

        self.push_screen(
            MessageDialog("Activity", activity(tuple(self.caller.recent), self.away, clock.now(), self.look))
        )

    def open_settings(self) -> None:
        """The settings as a form; what can change at once does, the rest with the next start."""
        from .screens.settings import SettingsDialog

        path = self._config or config_path()
        dialog = SettingsDialog(self.settings, path, theme_names(), self.look.name, self.wear)
        self.push_screen(dialog, self._settings_saved)

    def wear(self, name: str) -> None:
        """Put on a theme, everywhere at once. Says so when there is none of that name."""
        try:
            self.look = load_theme(name)
        except SactuiError as error:
            self.complain(str(error))
            return
        install(self, self.look)

    def _settings_saved(self, changes: dict[str, Any] | None) -> None:
        if not changes:
            return
        self.settings = load_settings(self._config)
        self.caller.rules = rules_of(self.settings.notices)
        self._ascii.enabled = self.settings.ascii or ascii_wanted()
        for widget in self.screen.walk_children(Widget):
            widget.refresh()
        later = [key for key in changes if key not in ("theme", "notices", "flash", "ascii")]
        note = f"; {', '.join(later)}: from the next start" if later else ""
        self.notify(f"saved in {self._config or config_path()}{note}", timeout=5, markup=False)

    async def action_quit(self) -> None:
        self.exit(0)

    def action_help_quit(self) -> None:
        """ctrl+c: never quits, says how."""
        self.notify("q quits; nothing on the cluster stops", timeout=3)

    def run_console(self) -> int:
        """Run until quit, and hand the terminal back whole. Returns the exit code."""
        put_back = keep_mode()

        def give_up() -> None:
            put_back()
            restore_terminal()
            os._exit(128 + (self._stopped_by or signal.SIGTERM))

        self._last_resort = threading.Timer(_PATIENCE, give_up)
        self._last_resort.daemon = True
        threading.Thread(target=_watch_terminal, name="terminal watch", daemon=True).start()
        try:
            code = self.run()
        except OSError:
            # The terminal vanished under us while something was drawn.
            code = 128 + signal.SIGHUP
        finally:
            self._last_resort.cancel()
            put_back()
        if self._stopped_by is not None:
            restore_terminal()
        return self.return_code if code is None and self.return_code else (code or 0)

    # -- what screens ask for -----------------------------------------------------------

    async def ask(self, question: Question) -> str | None:
        """A question of the connection, as a dialog."""
        titles = {"host-key": f"{question.host}: unknown host key", "password": f"{question.host}: password"}
        title = titles.get(question.kind, f"{question.host}: login")
        answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

        def done(value: str | None) -> None:
            if not answer.done():
                answer.set_result(value)

        await self.push_screen(
            QuestionDialog(question.kind, title, question.prompt, question.detail, question.echo), done
        )
        return await answer

    async def hand_over(self, argv: Sequence[str]) -> int:
        """Run a program on this terminal until it ends; the console waits, and comes back whole."""
        environment = {key: value for key, value in os.environ.items() if key not in ("TMUX", "TMUX_PANE")}
        # A suspended Textual goes on painting into a queue that nobody empties any more; once
        # it is full the event loop stands still. So nothing is painted meanwhile.
        with self.batch_update(), self.suspend():
            put_back = keep_mode()
            # Not asyncio's subprocess: the child must inherit this very terminal and stay in
            # its foreground, and starting it takes a millisecond.
            self._child = subprocess.Popen(list(argv), env=environment)  # noqa: ASYNC220
            try:
                # The event loop goes on: refreshes continue, signals still arrive.
                status = await asyncio.to_thread(self._child.wait)
            finally:
                self._child = None
                put_back()
                restore_terminal()
        self.refresh(layout=True)
        return status
