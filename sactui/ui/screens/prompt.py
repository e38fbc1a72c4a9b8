"""One value, asked in a small box and refused there with the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from ...domain.text import visible
from ...errors import SactuiError
from .dialog import Dialog


class PromptDialog(ModalScreen[str | None]):
    """Dismisses with what was typed, or ``None``. ``check`` raises SactuiError for what cannot be."""

    DEFAULT_CSS = (
        Dialog.DEFAULT_CSS.replace("Dialog", "PromptDialog") + "PromptDialog .wrong { color: $warning; }"
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", "no", show=False)]

    def __init__(self, title: str, hint: str, value: str, check: Callable[[str], None]) -> None:
        super().__init__()
        self._title, self._hint, self._value, self._check = title, hint, value, check

    def compose(self) -> ComposeResult:
        box = Vertical()
        box.border_title = Content(visible(self._title)[:70])
        with box:
            yield Static(Content(visible(self._hint)))
            yield Input(self._value, compact=True)
            yield Static("", classes="wrong")
            yield Static("enter shows what will happen    esc keeps everything", classes="choices")

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        text = event.value.strip()
        try:
            self._check(text)
        except SactuiError as error:
            words = "; ".join(part for part in (error.message, error.remedy) if part)
            self.query_one(".wrong", Static).update(Content(visible(words)))
        else:
            self.dismiss(text)

    def action_cancel(self) -> None:
        self.dismiss(None)
