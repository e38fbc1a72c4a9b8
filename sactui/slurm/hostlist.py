"""Slurm's host lists: ``n[01-04,7],gpu-[1-2]-ib[0,1],login``.

Expanding is bounded: ``n[1-999999999]`` is counted, never built.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice, product

from ..errors import ProtocolError

#: More hosts than any cluster has: beyond it only counts are given.
LIMIT = 20_000
_LONGEST = 1_000_000
_RANGE = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18}))?")
_NUMBERED = re.compile(r"(.*?)([0-9]+)", re.DOTALL)


def count(text: str) -> int:
    """How many hosts a list names (duplicates counted twice), without building them.

    Raises ProtocolError for a list that is not well formed.
    """
    total = 0
    for parts in _entries(text):
        amount = 1
        for part in parts:
            if isinstance(part, list):
                amount *= sum(high - low + 1 for low, high, _ in part)
        total += amount
    return total


def expand(text: str, limit: int = LIMIT) -> list[str]:
    """The hosts of a list in order. Raises ProtocolError beyond ``limit`` and for a list
    that is not well formed."""
    amount = count(text)
    if amount > limit:
        raise ProtocolError(f"the host list {text[:60]!r} names {amount} hosts, more than {limit}")
    found: list[str] = []
    for parts in _entries(text):
        choices = [[part] if isinstance(part, str) else list(_numbers(part)) for part in parts]
        found += ("".join(choice) for choice in product(*choices))
    return found


def first(text: str) -> str:
    """The first host of a list: the batch host of a job, where Slurm does not name it."""
    for parts in _entries(text):
        return "".join(part if isinstance(part, str) else next(_numbers(part)) for part in parts)
    return ""


def compress(hosts: Iterable[str]) -> str:
    """A host list for some hosts, in order of name, ranges folded on their last number."""
    groups: dict[tuple[str, int], set[int]] = {}
    plain: list[str] = []
    for host in dict.fromkeys(hosts):
        match = _NUMBERED.fullmatch(host)
        # A width belongs to a group only where zeros pad it: n9 and n10 are one group.
        if match and len(match.group(2)) < 19:
            digits = match.group(2)
            groups.setdefault((match.group(1), len(digits) if digits[0] == "0" else 0), set()).add(
                int(digits)
            )
        else:
            plain.append(host)
    # n08, n09, n10: what has no zero but the group's width goes with its padded siblings.
    for prefix, width in [key for key in groups if key[1]]:
        loose = groups.get((prefix, 0), set())
        same = {value for value in loose if len(str(value)) == width}
        groups[prefix, width] |= same
        loose -= same
    written = sorted(plain)
    for (prefix, width), values in sorted(groups.items()):
        if values:
            written.append(_folded(prefix, width, sorted(values)))
    return ",".join(written)


def _folded(prefix: str, width: int, values: list[int]) -> str:
    ranges: list[list[int]] = []
    for value in values:
        if ranges and ranges[-1][1] == value - 1:
            ranges[-1][1] = value
        else:
            ranges.append([value, value])
    if len(values) == 1:
        return f"{prefix}{values[0]:0{width}d}" if width else f"{prefix}{values[0]}"
    form = f"0{width}d" if width else "d"
    return f"{prefix}[{','.join(f'{a:{form}}' if a == b else f'{a:{form}}-{b:{form}}' for a, b in ranges)}]"


_Part = str | list[tuple[int, int, int]]


def _entries(text: str) -> Iterator[list[_Part]]:
    text = text.strip()
    if len(text) > _LONGEST:
        raise ProtocolError(f"a host list of {len(text)} characters is not read")
    if text in ("", "(null)", "N/A", "n/a", "None assigned"):
        return
    depth, start = 0, 0
    for index, character in enumerate(text):
        if character == "[":
            depth += 1
        elif character == "]":
            depth -= 1
        if depth not in (0, 1):
            raise ProtocolError(f"brackets of the host list {text[:60]!r} do not match")
        if character == "," and depth == 0:
            yield _parts(text[start:index], text)
            start = index + 1
    if depth:
        raise ProtocolError(f"brackets of the host list {text[:60]!r} do not match")
    yield _parts(text[start:], text)


def _parts(entry: str, text: str) -> list[_Part]:
    if not entry:
        raise ProtocolError(f"the host list {text[:60]!r} has an empty entry")
    found: list[_Part] = []
    for index, piece in enumerate(re.split(r"[\[\]]", entry)):
        if index % 2 == 0:
            if piece:
                found.append(piece)
            continue
        ranges = []
        for part in piece.split(","):
            match = _RANGE.fullmatch(part)
            if not match:
                raise ProtocolError(f"{part!r} in the host list {text[:60]!r} is not a range")
            low, high = int(match.group(1)), int(match.group(2) or match.group(1))
            if high < low:
                raise ProtocolError(f"the range {part} in the host list {text[:60]!r} runs backwards")
            ranges.append((low, high, len(match.group(1))))
        found.append(ranges)
    return found


def _numbers(ranges: list[tuple[int, int, int]]) -> Iterator[str]:
    for low, high, width in ranges:
        for value in islice(range(low, high + 1), _LONGEST):
            yield f"{value:0{width}d}"
