"""Screens are the same everywhere: one time zone, no animation, no colour switches."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="package")
def same_everywhere() -> Iterator[None]:
    """Hold the environment that decides how a screen looks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")
        patch.setenv("TEXTUAL_ANIMATIONS", "none")
        patch.setenv("TERM", "xterm-256color")
        patch.setenv("COLORTERM", "truecolor")
        for name in ("NO_COLOR", "XDG_CONFIG_HOME", "FORCE_COLOR"):
            patch.delenv(name, raising=False)
        patch.setenv("XDG_CONFIG_HOME", os.devnull)
        time.tzset()
        yield
    time.tzset()
