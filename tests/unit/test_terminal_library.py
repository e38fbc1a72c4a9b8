from __future__ import annotations

import subprocess
import sys

import pytest

from sactui.errors import SactuiError
from sactui.terminal import library


def test_a_platform_without_the_engine_says_what_still_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "_library", None)
    monkeypatch.setitem(sys.modules, "pyghostty", None)
    monkeypatch.setitem(sys.modules, "pyghostty._ffi", None)
    with pytest.raises(library.TerminalUnavailable, match="not available on this platform") as raised:
        library.load()
    assert isinstance(raised.value, SactuiError)
    assert "full screen" in raised.value.remedy
    assert "p peeks" in raised.value.remedy
    assert library.preload() is False


def test_importing_the_room_loads_no_native_library() -> None:
    program = (
        "import sys, sactui.terminal.engine, sactui.terminal.keys, sactui.terminal.snapshot; "
        "assert not [name for name in sys.modules if 'ghostty' in name or name == 'cffi']"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_the_library_is_loaded_once() -> None:
    assert library.preload() is True
    assert library.load() is library.load()
