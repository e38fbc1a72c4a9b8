"""Dialogs: what will happen, to what, what is lost; and questions only a person can answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from ...core.plan import Grade, Plan
from ...domain.text import visible, visible_lines


class Dialog(ModalScreen[bool]):
    """A floating box; ``escape`` always means "keep everything as it is"."""

    DEFAULT_CSS = """
    Dialog { align: center middle; background: $background 60%; }
    Dialog > Vertical {
        width: 78; max-width: 100%; height: auto; max-height: 90%;
        border: round $accent; border-title-color: $foreground; border-title-style: bold;
        background: $surface; padding: 1 2;
    }
    Dialog VerticalScroll { height: auto; max-height: 60vh; }
    Dialog .command { color: $foreground; background: $background; padding: 0 1; margin: 1 0; }
    Dialog .choices { color: $text-muted; margin-top: 1; }
    Dialog Input { background: $background; height: 1; padding: 0 1; margin-top: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "keep everything", show=False),
        Binding("down,j", "scroll(1)", show=False),
        Binding("up,k", "scroll(-1)", show=False),
        Binding("pagedown", "scroll(10)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
    ]

    def action_cancel(self) -> None:
        self.dismiss(False)

    def action_scroll(self, lines: int) -> None:
        """Scroll what is longer than the box, wherever the focus is."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


class ConfirmDialog(Dialog):
    """Asks before plans run. Enter confirms, unless a name has to be typed."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "confirm", "do it", show=False)]

    def __init__(self, plans: Sequence[Plan]) -> None:
        super().__init__()
        self._plans = plans
        self._typed = any(plan.grade is Grade.TYPE for plan in plans)
        self._name = plans[0].target

    def compose(self) -> ComposeResult:
        box = Vertical()
        box.border_title = Content(visible("; ".join(plan.title for plan in self._plans))[:70])
        with box:
            with VerticalScroll(can_focus=False):
                for plan in self._plans:
                    for sentence in plan.impact:
                        yield Static(Content(visible(sentence)))
                    if plan.commands:
                        yield Static(
                            Content(
                                "\n".join(
                                    line for command in plan.commands for line in visible_lines(command)
                                )
                            ),
                            classes="command",
                        )
            if self._typed:
                yield Input(placeholder=f"type {self._name} to confirm", compact=True)
                yield Static(
                    "enter confirms when the name is right    esc keeps everything", classes="choices"
                )
            else:
                yield Static("enter does it    esc keeps everything    ↑ ↓ scroll", classes="choices")

    def on_mount(self) -> None:
        if self._typed:
            self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip() == self._name:
            self.dismiss(True)
        else:
            self.query_one(Input).value = ""
            self.query_one(Input).placeholder = f"that is not {self._name}: type it to confirm"

    def action_confirm(self) -> None:
        if not self._typed:
            self.dismiss(True)


class MessageDialog(Dialog):
    """Says what happened, to what, and what to do. Any of enter and escape closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "cancel", "close", show=False)]

    def __init__(self, title: str, paragraphs: Sequence[str | Text]) -> None:
        super().__init__()
        self._title = title
        self._paragraphs = paragraphs

    def compose(self) -> ComposeResult:
        box = Vertical()
        box.border_title = Content(visible(self._title)[:70])
        with box:
            with VerticalScroll(can_focus=False):
                for paragraph in self._paragraphs:
                    if isinstance(paragraph, Text):
                        yield Static(paragraph)
                    else:
                        yield Static(Content("\n".join(visible_lines(paragraph))))
            yield Static("esc closes", classes="choices")


class QuestionDialog(ModalScreen[str | None]):
    """A question of the connection: accept a host key, a password, a code."""

    DEFAULT_CSS = Dialog.DEFAULT_CSS.replace("Dialog", "QuestionDialog")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "no", show=False),
        Binding("enter", "accept", "yes", show=False),
    ]

    def __init__(self, kind: str, title: str, prompt: str, detail: str, echo: bool) -> None:
        super().__init__()
        self._kind, self._title, self._prompt, self._detail, self._echo = kind, title, prompt, detail, echo

    def compose(self) -> ComposeResult:
        box = Vertical()
        box.border_title = Content(visible(self._title)[:70])
        with box:
            for text in (self._detail, self._prompt):
                if text:
                    yield Static(Content("\n".join(visible_lines(text))))
            if self._kind == "host-key":
                yield Static(
                    "enter accepts this key and remembers it    esc does not connect", classes="choices"
                )
            else:
                yield Input(password=not self._echo, compact=True)
                yield Static("enter sends it; it is not kept    esc does not connect", classes="choices")

    def on_mount(self) -> None:
        if self._kind != "host-key":
            self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss(event.value)

    def action_accept(self) -> None:
        if self._kind == "host-key":
            self.dismiss("yes")

    def action_cancel(self) -> None:
        self.dismiss(None)
