"""Text that other people wrote: decode without loss, show without harm.

Job names, comments, paths, pane titles and screens are chosen by others. They may
hold escape sequences, line breaks, bidirectional overrides that reorder what stands
next to them, or bytes that are no text at all. They are kept exactly as they are
(:func:`decode`, :func:`encode` are inverse) and made harmless when they are drawn.
"""

from __future__ import annotations

import re

#: What must never reach a terminal as it is: C0 and C1 controls, DEL, line and
#: paragraph separators, bidirectional controls, invisible formatting that is not part
#: of emoji or of scripts that need joiners, tag characters, lone surrogates.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)

_SHORT = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\x1b": "\\e"}


def decode(data: bytes) -> str:
    """Bytes from a host as text. Bytes that are not UTF-8 become lone surrogates, so that
    nothing is lost and a comparison with the same bytes still holds."""
    return data.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """The bytes that :func:`decode` made ``text`` from."""
    return text.encode("utf-8", "surrogateescape")


def visible(text: str) -> str:
    """``text`` on one line, with everything that could act on a terminal written out.

    ``\\x1b`` becomes the two characters ``\\e``, a byte that is not UTF-8 ``\\xff``, a
    bidirectional control ``\\u202e``. The result is printable and can be encoded.
    """
    return _UNSAFE.sub(_escaped, text)


def visible_lines(text: str) -> list[str]:
    """``text`` split at line feeds, each line made :func:`visible`."""
    return [visible(line) for line in text.split("\n")]


def _escaped(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
