"""A field with a few values: arrows, space or a click go through them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Static


class Choice(Static, can_focus=True):
    """Shows one of ``values``; posts :class:`Choice.Changed` when it becomes another."""

    DEFAULT_CSS = """
    Choice { width: 26; height: 1; background: $background; }
    Choice:focus { background: $accent 20%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,space", "turn(1)", "next", show=False),
        Binding("left", "turn(-1)", "previous", show=False),
    ]

    class Changed(Message):
        """Another value was chosen."""

        def __init__(self, choice: Choice) -> None:
            super().__init__()
            self.choice = choice

        @property
        def control(self) -> Choice:
            return self.choice

    def __init__(self, values: Sequence[str], value: str, *, id: str | None = None) -> None:
        self._values = list(values) if value in values else [value, *values]
        self._index = self._values.index(value)
        super().__init__(Content(self._written), id=id)

    @property
    def value(self) -> str:
        """The chosen value."""
        return self._values[self._index]

    @property
    def _written(self) -> str:
        return f"‹ {self.value} ›" if self.value.isascii() else self.value

    def action_turn(self, by: int) -> None:
        self._index = (self._index + by) % len(self._values)
        self.update(Content(self._written))
        self.post_message(self.Changed(self))

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.action_turn(1)
