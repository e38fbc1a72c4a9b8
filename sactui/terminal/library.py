"""libghostty, loaded when it is first needed.

Loading takes a few tenths of a second (cffi parses the declarations), so nothing here
runs at import time; a program that will need it soon calls :func:`preload` from a thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from sactui.errors import SactuiError


class TerminalUnavailable(SactuiError):
    """The terminal engine cannot be loaded on this platform."""

    layer = "terminal"


_TYPES = (
    *("bool", "int", "size_t", "uint8_t", "uint16_t", "uint32_t", "uint64_t"),
    *("GhosttyTerminal", "GhosttyString", "GhosttyTerminalModeConfig", "GhosttyPointS", "GhosttyGridRef"),
    *("GhosttyRenderState", "GhosttyRenderStateRowIterator", "GhosttyRenderStateRowCells"),
    *("GhosttyRenderStateCursor", "GhosttyCellsView", "GhosttyStyle", "GhosttyColorRgb"),
    *("GhosttyKeyEncoder", "GhosttyKeyEvent", "GhosttyKittyKeyFlags"),
    *("GhosttyMouseEncoder", "GhosttyMouseEvent", "GhosttyMouseEncoderSize", "GhosttyMousePosition"),
    *("GhosttyTerminalWritePtyFn", "GhosttyTerminalRenderHoldFn", "GhosttyTerminalDeviceAttributesFn"),
)


class Library:
    """The loaded library: ``ffi`` to make and read C values, ``lib`` for its functions and constants.

    ``grid_ref`` is the one function that takes a union by value, which cffi cannot pass
    without the binding's help.
    """

    __slots__ = ("_types", "ffi", "grid_ref", "lib")

    def __init__(self, ffi: Any, lib: Any, grid_ref: Any) -> None:
        self.ffi = ffi
        self.lib = lib
        self.grid_ref = grid_ref
        # cffi takes 10 ms to understand the name of one type, among so many declarations,
        # and as long for all of them as members of one struct.
        members = (f"{kind}{'' if kind.endswith('Fn') else '*'} m_{kind};" for kind in _TYPES)
        ffi.cdef(f"struct sactui_types {{ {' '.join(members)} }};", override=True)
        fields = ffi.typeof("struct sactui_types").fields
        self._types = {name.removeprefix("m_"): field.type for name, field in fields}

    def check(self, result: int, what: str) -> None:
        """Raise when a call of the library failed."""
        if result:
            raise SactuiError(f"the terminal engine could not {what} (libghostty result {result})")

    def make(self, kind: str, *value: object) -> Any:
        """A pointer to a new C value of this type."""
        return self.ffi.new(self._types[kind], *value)

    def callback(self, kind: str, function: Callable[..., object]) -> Any:
        """A Python function for the library to call. Lives as long as the returned object."""
        return self.ffi.callback(self._types[kind], function)

    def new(self, kind: str, create: Any, what: str) -> Any:
        """A handle made by one of the library's ``*_new`` functions."""
        out = self.make(kind)
        self.check(create(self.ffi.NULL, out), what)
        return out[0]

    def sized(self, kind: str) -> Any:
        """A struct that starts with its own size, as the library asks for."""
        out = self.make(kind)
        out.size = self.ffi.sizeof(out[0])
        return out


_lock = threading.Lock()
_library: Library | None = None


def load() -> Library:
    """The library; raises TerminalUnavailable where there is no wheel for the platform."""
    global _library
    with _lock:
        if _library is None:
            _library = _open()
        return _library


def preload() -> bool:
    """Load the library ahead of time, from any thread; False where it is not available."""
    try:
        load()
    except TerminalUnavailable:
        return False
    return True


def _open() -> Library:
    try:
        # The package's lowest layer: the generated declarations of the whole C interface.
        from pyghostty._ffi import ffi, lib, union_fn
    except (ImportError, OSError) as error:
        raise TerminalUnavailable(
            f"the live pane is not available on this platform ({error})",
            "A attaches full screen through ssh itself, p peeks at the screen; neither needs the engine",
        ) from error
    signature = "GhosttyResult(*)(GhosttyTerminal, GhosttyPointS, GhosttyGridRef*)"
    return Library(ffi, lib, union_fn("ghostty_terminal_grid_ref", signature))
