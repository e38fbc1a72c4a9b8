"""A line of text under a cursor: what keys do to it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

#: Enough for any filter; a paste of a whole file is cut.
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Line:
    """Text with a cursor before the character ``at``."""

    text: str = ""
    at: int = 0

    def insert(self, text: str) -> Line:
        """With printable text put in at the cursor."""
        text = "".join(c if c.isprintable() else " " for c in text)[: max(0, _LONGEST - len(self.text))]
        return Line(self.text[: self.at] + text + self.text[self.at :], self.at + len(text))

    def key(self, key: str) -> Line | None:
        """What an editing key makes of it; None for any other key."""
        text, at = self.text, self.at
        match key:
            case "left" | "ctrl+b":
                return Line(text, max(0, at - 1))
            case "right" | "ctrl+f":
                return Line(text, min(len(text), at + 1))
            case "home" | "ctrl+a":
                return Line(text, 0)
            case "end" | "ctrl+e":
                return Line(text, len(text))
            case "backspace" | "ctrl+h":
                return Line(text[: max(0, at - 1)] + text[at:], max(0, at - 1))
            case "delete" | "ctrl+d":
                return Line(text[:at] + text[at + 1 :], at)
            case "ctrl+u":
                return Line(text[at:], 0)
            case "ctrl+k":
                return Line(text[:at], at)
            case "ctrl+w":
                start = len(text[:at].rstrip().rpartition(" ")[0])
                start += 1 if start else 0
                return Line(text[:start] + text[at:], start)
        return None
