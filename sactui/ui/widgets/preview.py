"""The preview of what is selected: an agent's screen, or the details of the row."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size
from rich.text import Text
from textual.content import Content
from textual.widgets import Static

from ...domain.text import visible
from ..render.details import Facts
from ..theming import Theme, style


class Preview(Static):
    """A bordered box, because what it shows is a terminal."""

    DEFAULT_CSS = """
    Preview {
        border: round $panel; border-title-color: $text-muted; border-subtitle-color: $text-muted;
        padding: 0 1; height: 1fr; color: $foreground; background: $background;
    }
    """

    def screen_text(self, title: str, text: str, age: str) -> None:
        """Show the lower part of a screen that fits; every line cut, never wrapped."""
        self.border_title = Content(visible(title))
        self.border_subtitle = Content(age)
        width, height = max(1, self.size.width - 4), max(1, self.size.height - 2)
        lines = [visible(line) for line in text.rstrip().splitlines()]
        cut = [set_cell_size(line, width) if cell_len(line) > width else line for line in lines[-height:]]
        self.update(Content("\n".join(cut)))

    def facts(self, title: str, facts: Facts, look: Theme) -> None:
        """Show labels and values."""
        self.border_title = Content(visible(title))
        self.border_subtitle = ""
        self.update(facts_text(facts, look))

    def sentence(self, text: str) -> None:
        """Show one sentence."""
        self.border_title = ""
        self.border_subtitle = ""
        self.update(Content(text))


def facts_text(facts: Facts, look: Theme) -> Text:
    """Facts as text: labels dim and right-aligned, values as they are."""
    label = max((len(name) for name, _ in facts), default=0)
    text = Text()
    for name, value in facts:
        text.append(f"{name:>{label}}  ", style(look, "dim"))
        text.append(f"{visible(value)}\n", style(look, "text"))
    return text
