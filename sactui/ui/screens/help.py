"""``?``: every key, grouped by intent; those that do nothing here are dim."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from ...domain.keymap import KeyAction, written
from .dialog import Dialog


class HelpDialog(Dialog):
    """Generated from the live key table."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "cancel", "close", show=False),
        Binding("question_mark", "cancel", "close", show=False),
        Binding("q", "cancel", "close", show=False),
    ]

    def __init__(self, actions: Sequence[KeyAction], works: Callable[[KeyAction], bool]) -> None:
        super().__init__()
        self._actions = actions
        self._works = works

    def compose(self) -> ComposeResult:
        box = Vertical()
        box.border_title = "keys"
        with box:
            with VerticalScroll():
                yield Static(self._text())
            yield Static("dim keys do nothing for the selected row    esc closes", classes="choices")

    def _text(self) -> Text:
        text = Text()
        for group in dict.fromkeys(action.group for action in self._actions):
            text.append(f"{group}\n", "bold")
            for action in self._actions:
                if action.group == group:
                    style = "" if self._works(action) else "dim"
                    text.append(f"  {written(action.key):10}{action.help}\n", style)
        text.append("In every table\n", "bold")
        text.append(
            "  j k ↑ ↓   move          g G       first, last row\n  enter     details       PgUp PgDn page\n"
        )
        text.append("In an attached terminal\n", "bold")
        text.append("  ctrl+]    back to the console; every other key goes to the agent\n")
        return text
