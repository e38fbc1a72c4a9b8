"""The settings as a form: it changes single keys of the file, and keeps what people wrote around them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input, Static

from ...core.notices import EVENTS
from ...domain.text import visible
from ...errors import SactuiError, SettingsError
from ...settings import Settings, save_settings
from ..widgets.choice import Choice

_YES_NO = ("yes", "no")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the form: the key in the file, what it is now, and its values where they are few."""

    key: str
    value: str
    hint: str
    values: tuple[str, ...] = ()


def lines(settings: Settings, themes: Sequence[str], theme: str) -> tuple[Line, ...]:
    """The form's lines for these settings."""
    notices = settings.notices
    return (
        Line("theme", settings.theme or theme, "shown at once", tuple(themes)),
        Line("ascii", _word(settings.ascii), "draw with ASCII only", _YES_NO),
        Line("flash", _word(settings.flash), "flash what changed", _YES_NO),
        Line("interval", f"{settings.interval:g}", "seconds between two looks"),
        Line("read_only", _word(settings.read_only), "refuse every change", _YES_NO),
        Line("hosts", ", ".join(host.name for host in settings.hosts), "SSH aliases, with commas"),
        Line("start_stagger", f"{settings.start_stagger:g}", "seconds between starts"),
        Line("notices.events", ", ".join(notices.events), f"of {' '.join(EVENTS)}"),
        Line("notices.bell", _word(notices.bell), "ring the terminal's bell", _YES_NO),
        Line("notices.desktop", _word(notices.desktop), "desktop notification", _YES_NO),
        Line("notices.quiet", notices.quiet, "as 22:00-07:00"),
        Line("notices.command", shlex.join(notices.command), "as: notify-send {title}"),
    )


def _word(value: bool) -> str:
    return "yes" if value else "no"


def changed(settings: Settings, before: Sequence[Line], values: dict[str, str]) -> dict[str, Any]:
    """What to write into the file: only keys whose line is another now. Raises SettingsError."""
    found: dict[str, Any] = {}
    for line in before:
        if values[line.key] == line.value:
            continue
        name, _, part = line.key.partition(".")
        value = _value(settings, line.key, values[line.key])
        if part:
            whole = found.setdefault(name, settings.notices.model_dump(exclude_defaults=True))
            whole[part] = value
        else:
            found[name] = value
    return found


def _value(settings: Settings, key: str, text: str) -> Any:
    match key:
        case "ascii" | "flash" | "read_only" | "notices.bell" | "notices.desktop":
            return text == "yes"
        case "interval" | "start_stagger":
            try:
                return float(text)
            except ValueError:
                raise SettingsError(f"{key} {text!r} is not a number of seconds") from None
        case "hosts":
            # A host that has more than its name in the file keeps it.
            known = {host.name: host.model_dump(exclude_defaults=True) for host in settings.hosts}
            names = [name.strip() for name in text.split(",") if name.strip()]
            entries = [known.get(name, {"name": name}) for name in names]
            return [entry["name"] if len(entry) == 1 else entry for entry in entries]
        case "notices.events":
            return [event.strip() for event in text.split(",") if event.strip()]
        case "notices.command":
            try:
                return shlex.split(text)
            except ValueError as error:
                raise SettingsError(f"{key}: {error}", "close the quotes") from None
        case _:
            return text


class SettingsDialog(ModalScreen[dict[str, Any] | None]):
    """Edits the settings; dismisses with what was written, or with None.

    ``preview`` is called with the name of a theme as it is chosen, and with the first one
    again when the form is left without saving.
    """

    DEFAULT_CSS = """
    SettingsDialog { align: center middle; background: $background 60%; }
    SettingsDialog > Vertical {
        width: 96; max-width: 100%; height: auto; max-height: 95%;
        border: round $accent; border-title-color: $foreground; border-title-style: bold;
        border-subtitle-color: $text-muted; background: $surface; padding: 1 2;
    }
    SettingsDialog VerticalScroll { height: auto; max-height: 70vh; }
    SettingsDialog Horizontal { height: 1; }
    SettingsDialog .label { width: 18; color: $text-muted; }
    SettingsDialog Input { background: $background; height: 1; padding: 0 1; width: 26; }
    SettingsDialog Input:focus { background: $accent 20%; }
    SettingsDialog .hint {
        width: 1fr; color: $text-muted; padding: 0 2; text-wrap: nowrap; text-overflow: ellipsis;
    }
    SettingsDialog .error { color: $error; height: auto; min-height: 1; margin-top: 1; }
    SettingsDialog .choices { color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "back", show=False),
        Binding("ctrl+s", "save", "save", show=False, priority=True),
        Binding("enter", "save", "save", show=False),
        Binding("down", "app.focus_next", "next", show=False),
        Binding("up", "app.focus_previous", "previous", show=False),
    ]

    def __init__(
        self,
        settings: Settings,
        path: Path,
        themes: Sequence[str],
        theme: str,
        preview: Callable[[str], None],
    ) -> None:
        super().__init__()
        self._settings, self._path, self._theme, self._preview = settings, path, theme, preview
        self._lines = lines(settings, themes, theme)

    def compose(self) -> ComposeResult:
        box = Vertical()
        box.border_title = "Settings"
        box.border_subtitle = Content(visible(str(self._path)))
        with box:
            with VerticalScroll(can_focus=False):
                for line in self._lines:
                    with Horizontal():
                        yield Static(line.key, classes="label")
                        yield self._field(line)
                        yield Static(Content(line.hint), classes="hint")
            yield Static("", classes="error")
            yield Static(
                "enter saves    ↑ ↓ fields    ← → values    esc leaves all as it was", classes="choices"
            )

    def _field(self, line: Line) -> Widget:
        identifier = _identifier(line.key)
        if line.values:
            return Choice(line.values, line.value, id=identifier)
        return Input(line.value, id=identifier, select_on_focus=False, compact=True)

    def on_mount(self) -> None:
        self.query_one(f"#{_identifier(self._lines[0].key)}").focus()

    @property
    def values(self) -> dict[str, str]:
        """What is in the fields now, by key."""
        found = {}
        for line in self._lines:
            field = self.query_one(f"#{_identifier(line.key)}")
            assert isinstance(field, Input | Choice)
            found[line.key] = field.value.strip()
        return found

    def on_choice_changed(self, event: Choice.Changed) -> None:
        self.query_one(".error", Static).update("")
        if event.choice.id == _identifier("theme"):
            self._preview(event.choice.value)

    def on_input_changed(self) -> None:
        self.query_one(".error", Static).update("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_save()

    def action_save(self) -> None:
        try:
            changes = changed(self._settings, self._lines, self.values)
            if changes:
                save_settings(changes, self._path)
        except SactuiError as error:
            self.query_one(".error", Static).update(Content(visible(str(error).replace("\n", ": "))))
            named = [line for line in self._lines if line.key in error.message]
            if named:
                self.query_one(f"#{_identifier(named[-1].key)}").focus()
            return
        self.dismiss(changes or None)

    def action_cancel(self) -> None:
        self._preview(self._theme)
        self.dismiss(None)


def _identifier(key: str) -> str:
    return "setting-" + key.replace(".", "-").replace("_", "-")
