"""The quiet frame around the tables: header, banner, tabs, footer. One line each."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text
from textual.widgets import Static

from ...domain.fleet import Fleet
from ...domain.keymap import KeyAction, written
from ...domain.text import visible
from ..render.header import banners
from ..theming import Theme, painted


class Footer(Static):
    """Only keys that work now, most useful first, never more than one line."""

    DEFAULT_CSS = "Footer { height: 1; padding: 0 1; color: $text-muted; background: $background; }"

    def show(self, actions: Sequence[KeyAction], key_style: Style) -> None:
        """Show as many actions as fit the width; ``?`` is always among them."""
        useful = sorted((a for a in actions if a.footer), key=lambda a: a.rank)
        last = [action for action in useful if action.id in ("help", "quit")]
        text = Text(no_wrap=True, overflow="crop")
        room = max(20, self.size.width - 2)
        reserved = sum(len(written(a.key)) + len(a.footer) + 3 for a in last)
        for action in [a for a in useful if a not in last]:
            need = len(written(action.key)) + len(action.footer) + 3
            if len(text) + need + reserved > room:
                break
            self._add(text, action, key_style)
        for action in last:
            self._add(text, action, key_style)
        self.update(text)

    @staticmethod
    def _add(text: Text, action: KeyAction, key_style: Style) -> None:
        text.append(written(action.key), key_style)
        text.append(f" {action.footer}  ")


class Banner(Static):
    """One line per failing layer: what, to what, since when, what next. Hidden when all is well."""

    DEFAULT_CSS = """
    Banner { height: auto; max-height: 4; background: $surface; display: none; }
    Banner.shown { display: block; }
    """

    def show(self, fleet: Fleet, now: float, look: Theme) -> None:
        """Show the troubles of all hosts, then files that are broken; rows stay where they are."""
        lines = [painted(look, spans) for spans in banners(fleet, now)]
        if fleet.problems:
            first = fleet.problems[0]
            more = f" and {len(fleet.problems) - 1} more" if len(fleet.problems) > 1 else ""
            lines.append(
                painted(
                    look,
                    (
                        (" ⚠ ", "banner+bold"),
                        (f"{visible(first.where)}: {visible(first.what)}{more}.", "text"),
                        ("  4", "strong+bold"),
                        (" shows them", "dim"),
                    ),
                )
            )
        self.set_class(bool(lines), "shown")
        self.update(Text("\n", no_wrap=True).join(lines[:4]))


class Tabs(Static):
    """The tab line of narrow terminals."""

    DEFAULT_CSS = "Tabs { height: 1; padding: 0 1; color: $text-muted; }"

    def show(self, names: Sequence[str], current: int, style: Style) -> None:
        """Show the names with their number keys; the current one in ``style``."""
        text = Text(no_wrap=True, overflow="crop")
        for index, name in enumerate(names):
            text.append(f"{index + 1} {name}", style if index == current else "")
            text.append("  ")
        self.update(text)
