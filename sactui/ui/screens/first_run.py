"""The first start: nothing is configured, so the hosts that ~/.ssh/config names are offered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from ...core.first_run import Probe
from ...domain.text import visible
from ..table.row import Span, width_of
from ..theming import current, painted


class FirstRunDialog(ModalScreen[tuple[str, ...] | None]):
    """Chooses hosts to look at; dismisses with their names, or None.

    ``probe`` logs in to one host, only when its key is pressed: a login may ask for a
    password, or push to a phone.
    """

    DEFAULT_CSS = """
    FirstRunDialog { align: center middle; background: $background 60%; }
    FirstRunDialog > Vertical {
        width: 86; max-width: 100%; height: auto; max-height: 95%;
        border: round $accent; border-title-color: $foreground; border-title-style: bold;
        background: $surface; padding: 1 2;
    }
    FirstRunDialog VerticalScroll { height: auto; max-height: 14; margin: 1 0; }
    FirstRunDialog .choices { color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "later", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("up,k", "move(-1)", show=False),
        Binding("space", "choose", "choose", show=False),
        Binding("t", "test", "test", show=False),
        Binding("enter", "accept", "look at them", show=False),
    ]

    def __init__(self, hosts: Sequence[str], probe: Callable[[str], Awaitable[Probe]]) -> None:
        super().__init__()
        self._hosts = tuple(hosts)
        self._probe = probe
        self._row = 0
        self._chosen: set[str] = set()
        self._results: dict[str, Probe | None] = {}  # None: the test is on its way

    def compose(self) -> ComposeResult:
        box = Vertical()
        box.border_title = "Welcome to sactui"
        with box:
            if not self._hosts:
                yield Static(
                    Content(
                        "sactui looks at Slurm clusters over SSH, and ~/.ssh/config names no host.\n\n"
                        "Put your cluster's login node there, as\n\n"
                        "    Host spartan\n        HostName spartan.example.org\n        User ada\n\n"
                        "and start again; or name it now:  sactui --host ada@spartan.example.org\n"
                        "To try it without a cluster:  sactui demo"
                    )
                )
                yield Static("esc goes on without a host", classes="choices")
                return
            yield Static(Content("Which of the hosts in ~/.ssh/config are login nodes of a Slurm cluster?"))
            with VerticalScroll(can_focus=False):
                yield Static(id="hosts")
            keys = "space chooses    t tests the login    enter looks at them    esc later"
            yield Static(keys, classes="choices")

    def on_mount(self) -> None:
        self._paint()

    def _paint(self) -> None:
        if not self._hosts:
            return
        width = max(map(width_of, self._hosts))
        lines: list[list[Span]] = []
        for index, name in enumerate(self._hosts):
            here = index == self._row
            padding = " " * (width - width_of(name))
            line: list[Span] = [
                ("▌ " if here else "  ", "accent"),
                ("[x] " if name in self._chosen else "[ ] ", "text"),
                (f"{visible(name)}{padding}  ", "strong+bold" if here else "text"),
            ]
            lines.append(line)
            if name not in self._results:
                continue
            found = self._results[name]
            if found is None:
                line.append(("logging in …", "dim"))
                continue
            mark, role = ("✔", "working") if found.good else ("✖", "dead")
            line.append((f"{mark} {visible(found.what)}", role))
            if found.remedy:
                first = found.remedy.splitlines()[0]
                lines.append([(f"{' ' * (width + 8)}{visible(first)}", "dim")])
        text = Text("\n").join(painted(current(self.app), line) for line in lines)
        self.query_one("#hosts", Static).update(text)

    def action_move(self, by: int) -> None:
        if self._hosts:
            self._row = (self._row + by) % len(self._hosts)
            self._paint()
            scroll = self.query_one(VerticalScroll)
            scroll.scroll_to(y=max(0, self._row - scroll.size.height // 2), animate=False)

    def action_choose(self) -> None:
        if self._hosts:
            self._chosen ^= {self._hosts[self._row]}
            self._paint()

    def action_test(self) -> None:
        if self._hosts and self._results.get(name := self._hosts[self._row], name) is not None:
            self._results[name] = None
            self._paint()
            self.run_worker(self._test(name), group=f"probe {name}", exclusive=True)

    async def _test(self, name: str) -> None:
        found = await self._probe(name)
        self._results[name] = found
        if found.good:
            self._chosen.add(name)
        if self.is_attached:
            self._paint()

    def action_accept(self) -> None:
        if not self._hosts:
            self.dismiss(None)
            return
        # Nothing chosen: the one under the cursor is meant.
        chosen = self._chosen or {self._hosts[self._row]}
        self.dismiss(tuple(name for name in self._hosts if name in chosen))

    def action_cancel(self) -> None:
        self.dismiss(None)
