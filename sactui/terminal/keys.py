"""Keys, pastes and mouse events to the bytes a program expects.

What is sent depends on what the program switched on (application cursor keys,
bracketed paste, a mouse protocol), so an encoder belongs to one engine. Key names are
Textual's: ``a``, ``ctrl+a``, ``shift+up``, ``ctrl+right_square_bracket``, ``f5``.
"""

from __future__ import annotations

import re
import unicodedata
import weakref
from enum import IntEnum
from typing import Any

from sactui.terminal.engine import Engine
from sactui.terminal.library import Library

_SHIFT, _CTRL, _ALT, _SUPER = 1, 2, 4, 8
_MODIFIERS = {"shift": _SHIFT, "ctrl": _CTRL, "alt": _ALT, "meta": _ALT, "super": _SUPER}

#: Keys that make no character, by Textual's name.
_NAMED = {
    "up": "ARROW_UP", "down": "ARROW_DOWN", "left": "ARROW_LEFT", "right": "ARROW_RIGHT",
    "home": "HOME", "end": "END", "pageup": "PAGE_UP", "pagedown": "PAGE_DOWN",
    "insert": "INSERT", "delete": "DELETE", "backspace": "BACKSPACE",
    "enter": "ENTER", "return": "ENTER", "tab": "TAB", "escape": "ESCAPE", "space": "SPACE",
    **{f"f{number}": f"F{number}" for number in range(1, 25)},
}  # fmt: skip

#: The physical keys of characters, which the encoder needs for combinations with ctrl and alt.
_PHYSICAL = {
    **{letter: letter.upper() for letter in "abcdefghijklmnopqrstuvwxyz"},
    **{digit: f"DIGIT_{digit}" for digit in "0123456789"},
    "`": "BACKQUOTE", "\\": "BACKSLASH", "[": "BRACKET_LEFT", "]": "BRACKET_RIGHT", ",": "COMMA",
    "=": "EQUAL", "-": "MINUS", ".": "PERIOD", "'": "QUOTE", ";": "SEMICOLON", "/": "SLASH", " ": "SPACE",
}  # fmt: skip

#: Where Textual's name is not the Unicode name in lower case.
_RENAMED = {
    "slash": "/", "backslash": "\\", "at": "@", "minus": "-", "plus": "+", "underscore": "_", "space": " ",
    "left_square_brace": "[", "newline": "\n", "less_than_sign": "<", "greater_than_sign": ">",
}  # fmt: skip
_NAMES = {
    _RENAMED[name]: name for name in ("slash", "backslash", "at", "minus", "plus", "underscore", "space")
}

#: ``CSI 27;modifiers;key~`` and ``CSI key;modifiers u``.
_NEWER = re.compile(rb"\x1b\[(?:27;\d+;\d+~|\d+;\d+u)")
#: The nearest older form. Escape and return is how terminals are set up to mean "newline, but
#: do not send yet" to coding agents; a bare return would send a half-written prompt.
_OLDER = {"enter": b"\x1b\r", "return": b"\x1b\r", "tab": b"\t", "escape": b"\x1b", "backspace": b"\x7f"}

#: What a VT220 sends for ctrl and a character that is no letter.
_CONTROLS = {
    "@": 0, " ": 0, "2": 0, "[": 27, "3": 27, "\\": 28, "4": 28, "]": 29, "5": 29, "^": 30, "~": 30, "6": 30,
    "_": 31, "/": 31, "7": 31, "?": 127, "8": 127,
}  # fmt: skip


class Action(IntEnum):
    """What the mouse did."""

    PRESS = 0
    RELEASE = 1
    MOVE = 2


class Button(IntEnum):
    """The buttons of a mouse; a wheel is four buttons that are only ever pressed."""

    NONE = 0
    LEFT = 1
    RIGHT = 2
    MIDDLE = 3
    WHEEL_UP = 4
    WHEEL_DOWN = 5
    WHEEL_LEFT = 6
    WHEEL_RIGHT = 7


def chord(name: str) -> str:
    """A chord as people write it (``ctrl+]``) in Textual's form (``ctrl+right_square_bracket``)."""
    head, plus, last = name.rpartition("+")
    if name.endswith("++"):
        head, plus, last = name[:-2], "+", "+"
    if len(last) == 1 and not last.isalnum():
        known = unicodedata.name(last, "").lower().replace("-", "_").replace(" ", "_")
        last = _NAMES.get(last, known or last)
    return f"{head}{plus}{last}"


def character_of(name: str) -> str:
    """The character a key name without modifiers stands for; "" when it stands for none."""
    if len(name) == 1:
        return name
    if name in _RENAMED:
        return _RENAMED[name]
    for form in (name.replace("_", " "), name.replace("_", "-")):  # the name lost which of the two it was
        try:
            return unicodedata.lookup(form)
        except KeyError:
            continue
    return ""


class Encoder:
    """Bytes for one engine's program. Close the engine only after the encoder's last use."""

    def __init__(self, engine: Engine) -> None:
        library = self._library = engine.library
        lib, ffi = library.lib, library.ffi
        self._engine = engine
        self._keys = library.new("GhosttyKeyEncoder", lib.ghostty_key_encoder_new, "encode keys")
        self._key = library.new("GhosttyKeyEvent", lib.ghostty_key_event_new, "encode keys")
        self._mouse = library.new("GhosttyMouseEncoder", lib.ghostty_mouse_encoder_new, "encode the mouse")
        self._move = library.new("GhosttyMouseEvent", lib.ghostty_mouse_event_new, "encode the mouse")
        self._out, self._length = ffi.from_buffer(bytearray(128)), library.make("size_t")
        self._plain = library.make("GhosttyKittyKeyFlags", 0)
        self._yes = library.make("bool", True)
        self._pressed = library.make("bool", False)
        self._size = library.sized("GhosttyMouseEncoderSize")
        self._position = library.make("GhosttyMousePosition")
        self._free = weakref.finalize(self, _free, library, self._keys, self._key, self._mouse, self._move)

    def close(self) -> None:
        """Free the native memory."""
        self._free()

    def key(self, name: str, character: str | None = None) -> bytes:
        """The bytes of a key, by Textual's name and the character it made; ``b""`` when there are none."""
        *parts, last = name.split("+") if name != "+" else ["+"]
        modifiers = 0
        for part in parts:
            modifiers |= _MODIFIERS.get(part, 0)
        if character and not modifiers & ~_SHIFT and character.isprintable():
            return character.encode("utf-8", "ignore")
        text = "" if last in _NAMED and last != "space" else character_of(last)
        physical = _NAMED.get(last) or _PHYSICAL.get(text.lower(), "UNIDENTIFIED")
        if text.isalpha() and (text.isupper() or modifiers & _SHIFT):
            text, modifiers = text.upper(), modifiers | _SHIFT
        if last not in _NAMED and not text:
            return (character or "").encode("utf-8", "ignore")
        found = self._encode_key(physical, modifiers, text)
        if not _NEWER.fullmatch(found) or self._encode_key("A", _CTRL, "a") != b"\x01":
            return found or self._control(modifiers, text) or (character or "").encode("utf-8", "ignore")
        # The library has a newer form where a VT220 has nothing of its own. tmux drops it and
        # others print it, unless they asked (modifyOtherKeys); they get what they can read.
        return _OLDER.get(last, b"") or self._control(modifiers, text)

    def _encode_key(self, physical: str, modifiers: int, text: str) -> bytes:
        lib, key = self._library.lib, self._key
        lib.ghostty_key_encoder_setopt_from_terminal(self._keys, self._engine.terminal)
        lib.ghostty_key_encoder_setopt(self._keys, lib.GHOSTTY_KEY_ENCODER_OPT_KITTY_FLAGS, self._plain)
        lib.ghostty_key_encoder_setopt(self._keys, lib.GHOSTTY_KEY_ENCODER_OPT_ALT_ESC_PREFIX, self._yes)
        lib.ghostty_key_event_set_action(key, lib.GHOSTTY_KEY_ACTION_PRESS)
        lib.ghostty_key_event_set_key(key, getattr(lib, f"GHOSTTY_KEY_{physical}"))
        lib.ghostty_key_event_set_mods(key, modifiers)
        # The library borrows the text until the next call: it must outlive the encoding.
        data = text.encode("utf-8", "ignore")
        borrowed = self._library.ffi.from_buffer(data) if data else self._library.ffi.NULL
        lib.ghostty_key_event_set_utf8(key, borrowed, len(data))
        lib.ghostty_key_event_set_consumed_mods(key, _SHIFT if text and modifiers & _SHIFT else 0)
        lib.ghostty_key_event_set_unshifted_codepoint(key, ord(text.lower()) if len(text.lower()) == 1 else 0)
        result = lib.ghostty_key_encoder_encode(self._keys, key, self._out, len(self._out), self._length)
        lib.ghostty_key_event_set_utf8(key, self._library.ffi.NULL, 0)
        return b"" if result else bytes(self._library.ffi.buffer(self._out, self._length[0]))

    @staticmethod
    def _control(modifiers: int, text: str) -> bytes:
        prefix = b"\x1b" if modifiers & _ALT else b""
        if modifiers & _CTRL and text in _CONTROLS:
            return prefix + bytes([_CONTROLS[text]])
        if modifiers & _CTRL and text.isascii() and text.isalpha():
            return prefix + bytes([ord(text) & 31])
        return prefix + text.encode("utf-8", "ignore") if text else b""

    def paste(self, text: str) -> bytes:
        """Pasted text: marked as such when the program asked for that; it cannot end its own mark."""
        ffi, lib = self._library.ffi, self._library.lib
        if not (data := text.encode("utf-8", "ignore")):
            return b""
        marked = self._engine.modes.bracketed_paste
        source, out = ffi.from_buffer(bytearray(data)), ffi.from_buffer(bytearray(2 * len(data) + 64))
        result = lib.ghostty_paste_encode(source, len(data), marked, out, len(out), self._length)
        self._library.check(result, "paste")
        return bytes(ffi.buffer(out, self._length[0]))

    def focus(self, gained: bool) -> bytes:
        """That the pane got or lost the focus; ``b""`` when the program did not ask."""
        if not self._engine.modes.focus_events:
            return b""
        return b"\x1b[I" if gained else b"\x1b[O"

    def mouse(
        self,
        action: Action,
        button: Button,
        x: int,
        y: int,
        *,
        shift: bool = False,
        alt: bool = False,
        ctrl: bool = False,
    ) -> bytes:
        """A mouse event in cell (x, y), from 0; ``b""`` when the program did not ask for it."""
        lib, move, size = self._library.lib, self._move, self._size
        lib.ghostty_mouse_encoder_setopt_from_terminal(self._mouse, self._engine.terminal)
        # Pixels do not exist here: each cell is one of 8x16, and the event is in its middle.
        size.cell_width, size.cell_height = 8, 16
        size.screen_width, size.screen_height = 8 * self._engine.columns, 16 * self._engine.lines
        lib.ghostty_mouse_encoder_setopt(self._mouse, lib.GHOSTTY_MOUSE_ENCODER_OPT_SIZE, size)
        self._pressed[0] = button is not Button.NONE and action is not Action.RELEASE
        lib.ghostty_mouse_encoder_setopt(
            self._mouse, lib.GHOSTTY_MOUSE_ENCODER_OPT_ANY_BUTTON_PRESSED, self._pressed
        )
        lib.ghostty_mouse_encoder_setopt(
            self._mouse, lib.GHOSTTY_MOUSE_ENCODER_OPT_TRACK_LAST_CELL, self._yes
        )
        lib.ghostty_mouse_event_set_action(move, int(action))
        if button is Button.NONE:
            lib.ghostty_mouse_event_clear_button(move)
        else:
            lib.ghostty_mouse_event_set_button(move, int(button))
        lib.ghostty_mouse_event_set_mods(move, _SHIFT * shift | _ALT * alt | _CTRL * ctrl)
        self._position.x, self._position.y = 8 * x + 4, 16 * y + 8
        lib.ghostty_mouse_event_set_position(move, self._position[0])
        result = lib.ghostty_mouse_encoder_encode(self._mouse, move, self._out, len(self._out), self._length)
        return b"" if result else bytes(self._library.ffi.buffer(self._out, self._length[0]))


def _free(library: Library, keys: Any, key: Any, mouse: Any, move: Any) -> None:
    lib = library.lib
    lib.ghostty_key_event_free(key)
    lib.ghostty_key_encoder_free(keys)
    lib.ghostty_mouse_event_free(move)
    lib.ghostty_mouse_encoder_free(mouse)
