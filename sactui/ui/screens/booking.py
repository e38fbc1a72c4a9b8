"""The booking form: keyboard first; bad values are refused at the field with the reason."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from ...core.booking import BookRequest
from ...domain.text import visible
from ...errors import SactuiError, SettingsError
from ...runtimes.hold import HoldOptions


@dataclass(frozen=True, slots=True)
class Field:
    """One line of the form."""

    key: str
    label: str
    value: str
    hint: str


class BookingDialog(ModalScreen[dict[str, str] | None]):
    """Collects the values of a booking; dismisses with them, or with None.

    ``check`` raises a SactuiError for the first value that cannot be; its ``layer`` is
    ignored, its message is shown under the form, and the focus goes to ``field`` of it.
    """

    DEFAULT_CSS = """
    BookingDialog { align: center middle; background: $background 60%; }
    BookingDialog > Vertical {
        width: 84; max-width: 100%; height: auto; max-height: 95%;
        border: round $accent; border-title-color: $foreground; border-title-style: bold;
        background: $surface; padding: 1 2;
    }
    BookingDialog Horizontal { height: 1; }
    BookingDialog .label { width: 13; color: $text-muted; }
    BookingDialog Input { background: $background; height: 1; padding: 0 1; width: 26; }
    BookingDialog Input:focus { background: $accent 20%; }
    BookingDialog .hint { width: 1fr; color: $text-muted; padding: 0 2; }
    BookingDialog .error { color: $error; height: auto; min-height: 1; margin-top: 1; }
    BookingDialog .choices { color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "back", show=False),
        Binding("down", "app.focus_next", "next", show=False),
        Binding("up", "app.focus_previous", "previous", show=False),
    ]

    def __init__(self, fields: Sequence[Field], check: Callable[[dict[str, str]], None]) -> None:
        super().__init__()
        self._fields = fields
        self._check = check

    def compose(self) -> ComposeResult:
        box = Vertical()
        box.border_title = "Book a reservation"
        with box:
            for field in self._fields:
                with Horizontal():
                    yield Static(field.label, classes="label")
                    yield Input(field.value, id=f"field-{field.key}", select_on_focus=False, compact=True)
                    yield Static(Content(field.hint), classes="hint")
            yield Static("", classes="error")
            yield Static(
                "enter shows the script    tab next field    esc leaves",
                classes="choices",
            )

    def on_mount(self) -> None:
        self.query(Input).first().focus()

    @property
    def values(self) -> dict[str, str]:
        """What is in the fields now, by key."""
        return {f.key: self.query_one(f"#field-{f.key}", Input).value.strip() for f in self._fields}

    def on_input_changed(self) -> None:
        self.query_one(".error", Static).update("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        values = self.values
        try:
            self._check(values)
        except SactuiError as error:
            self.query_one(".error", Static).update(Content(visible(str(error).replace("\n", ": "))))
            wrong = next((f for f in self._fields if error.message.startswith(f.label)), None)
            if wrong is not None:
                self.query_one(f"#field-{wrong.key}", Input).focus()
            return
        self.dismiss(values)

    def action_cancel(self) -> None:
        self.dismiss(None)


def free_name(wanted: str, taken: Collection[str]) -> str:
    """``wanted``, or with the first number that is free."""
    number, name = 1, wanted
    while name in taken:
        number += 1
        name = f"{wanted}-{number}"
    return name


def booking_fields(hosts: Sequence[str], before: Mapping[str, str]) -> tuple[Field, ...]:
    """The form's lines, filled with the last booking; ``hosts`` are the known ones."""
    known = f": {', '.join(hosts[:4])}" if hosts else ""
    return (
        Field("name", "name", before.get("name", "dev-pool"), "as agents name it"),
        Field("host", "host", before.get("host", hosts[0] if hosts else ""), f"SSH alias{known}"),
        Field("partition", "partition", before.get("partition", ""), "empty: the site's default"),
        Field("cpus", "cpus", before.get("cpus", "4"), ""),
        Field("memory", "memory", before.get("memory", "16G"), ""),
        Field("time", "time", before.get("time", "8:00:00"), "h:mm:ss, or 7-0 for seven days"),
        Field("gpus", "gpus", before.get("gpus", ""), "1, or a100:2"),
        Field("account", "account", before.get("account", ""), "empty: your default"),
    )


def request_of(values: Mapping[str, str]) -> BookRequest:
    """The form's values as a request. Raises SettingsError for a number that is none."""
    if not values["cpus"].isdigit():
        raise SettingsError(f"cpus {values['cpus']!r} is not a number")
    return BookRequest(
        values["name"],
        values["host"],
        HoldOptions(
            partition=values["partition"],
            cpus=int(values["cpus"]),
            memory=values["memory"],
            time=values["time"],
            gpus=values["gpus"],
            account=values["account"],
        ),
    )
