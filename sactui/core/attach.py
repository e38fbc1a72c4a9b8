"""Handing the terminal over, and getting it back clean whatever happened to it."""

from __future__ import annotations

import contextlib
import os
import termios
from collections.abc import Callable

#: Leave the alternate screen; mouse, focus, paste and keyboard modes off; cursor on; plain
#: colours. A remote program that was cut off cannot have sent these itself.
RESTORE = (
    "\x1b[?1049l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1004l\x1b[?2004l\x1b[?25h"
    "\x1b[<u\x1b[>4;0m\x1b[0m\r\n"
)


def restore_terminal(descriptor: int = 0) -> None:
    """Reset what a program may have left behind and drop answers still on their way in."""
    if not os.isatty(descriptor):
        return
    try:
        os.write(1, RESTORE.encode())
        termios.tcflush(descriptor, termios.TCIFLUSH)
    except (OSError, termios.error):
        pass  # the terminal is gone: nothing is left to restore


def keep_mode(descriptor: int = 0) -> Callable[[], None]:
    """Remember the line discipline now; the returned function puts it back."""
    if not os.isatty(descriptor):
        return lambda: None
    mode = termios.tcgetattr(descriptor)

    def put_back() -> None:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSADRAIN, mode)

    return put_back
