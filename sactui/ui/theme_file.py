"""The file of the theme that is worn: read again when it changes, a broken one never worn."""

from __future__ import annotations

from ..errors import SactuiError
from .theming import Theme, parse_theme, theme_path

#: Seconds between two looks at the file's stamp; no thread and no watch for one file.
EVERY = 2.0


class ThemeFile:
    """Knows the stamp of a theme's file. :meth:`changed` is asked now and then."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._path = theme_path(name)
        self._stamp = self._look()

    def _look(self) -> tuple[int, int, int] | None:
        if self._path is None:
            return None
        try:
            status = self._path.stat()
        except OSError:
            return None
        return (status.st_ino, status.st_mtime_ns, status.st_size)

    def changed(self) -> Theme | None:
        """The theme as its file says now; None while it says what it said.

        Raises SactuiError, once for each writing, when the file is broken: file:line:column
        in the message. A file that is gone for a moment (an editor replaces it) is no change.
        """
        stamp = self._look()
        if self._path is None or stamp is None or stamp == self._stamp:
            return None
        self._stamp = stamp
        try:
            return parse_theme(self._path.read_text(encoding="utf-8"), self._path)
        except (OSError, UnicodeDecodeError) as error:
            raise SactuiError(f"{self._path}:1:1: cannot be read: {error}") from error
