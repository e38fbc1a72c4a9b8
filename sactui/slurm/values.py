"""Slurm's ways to write times, sizes and counts.

Every function returns ``None`` for "not set", "not known" and for what it cannot read:
a value is never guessed. Durations are seconds, memory MiB, times epoch seconds.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache

from ..domain.job import UNLIMITED

_UNSET = frozenset(
    {"", "N/A", "n/a", "(null)", "NONE", "NOT_SET", "INVALID", "UNKNOWN", "N/S", "?", "PARTITION_LIMIT", "*"}
)
_ENDLESS = frozenset({"UNLIMITED", "INFINITE", "-1", "UNLIMIT"})
_DAYS = re.compile(r"([0-9]{1,9})-([0-9]{1,9})(?::([0-9]{1,9}))?(?::([0-9]{1,9}))?(?:\.[0-9]+)?")
_CLOCK = re.compile(r"(?:(?:([0-9]{1,9}):)?([0-9]{1,9}):)?([0-9]{1,9})(?:\.[0-9]+)?")
_MEMORY = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?)\s*([KMGTPE]?)(?:i?B)?([nc]?)", re.IGNORECASE)
_COUNT = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?)([KMGTP]?)\+?", re.IGNORECASE)
_ISO = re.compile(r"[0-9]{4}-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]")
_POWERS = {"K": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}
#: Slurm's NO_VAL and INFINITE, which leak out as numbers.
_NO_VALUE = frozenset({0xFFFE, 0xFFFFFFFE, 0xFFFFFFFFFFFFFFFE})
_INFINITE = frozenset({0xFFFF, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF})


def unset(text: str) -> bool:
    """True for the words by which Slurm says that there is no value."""
    text = text.strip()
    return text in _UNSET or text.upper() in _UNSET


def word(text: str) -> str:
    """``text``, or "" when it is one of Slurm's words for "no value"."""
    return "" if unset(text) else text


def written(text: str) -> str:
    """What a person wrote, or "": only Slurm's ``(null)`` is no text, "unknown" is one."""
    return "" if text == "(null)" else text


@lru_cache(maxsize=1024)
def duration(text: str) -> int | None:
    """A time limit or an elapsed time in seconds, :data:`UNLIMITED`, or ``None``.

    ``D-HH:MM:SS``, ``D-HH:MM``, ``D-HH``, ``HH:MM:SS``, ``MM:SS`` and ``MM``: a bare
    number is minutes, as sbatch takes it.
    """
    text = text.strip()
    if text.upper() in _ENDLESS:
        return UNLIMITED
    if match := _DAYS.fullmatch(text):
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if match := _CLOCK.fullmatch(text):
        first, second, third = match.groups()
        if second is None:
            return int(third) * 60
        return int(first or 0) * 3600 + int(second) * 60 + int(third)
    return None


def cpu_seconds(text: str) -> float | None:
    """CPU time as accounting writes it, ``00:01.234``, ``03:04:05`` or ``1-02:03:04``, in seconds."""
    whole = duration(text) if ":" in text else None
    if whole is None or whole < 0:
        return None
    fraction = re.fullmatch(r".*:[0-9]+(\.[0-9]{1,9})", text.strip())
    return whole + float(fraction.group(1)) if fraction else float(whole)


def elapsed(text: str) -> int:
    """A time used, in seconds; 0 for INVALID (clock skew) and for what is not known."""
    found = duration(text)
    return found if found is not None and found > 0 else 0


def timestamp(text: str) -> float | None:
    """A point in time printed with ``SLURM_TIME_FORMAT=%s``; ``None`` for N/A, Unknown, 0.

    A time in another format is refused: without its time zone it is not a point in time.
    """
    text = text.strip()
    if not re.fullmatch(r"[0-9]{1,12}", text):
        return None
    return float(text) or None


def is_local_time(text: str) -> bool:
    """True for a time without its time zone: ``SLURM_TIME_FORMAT`` was not honoured."""
    return _ISO.fullmatch(text.strip()) is not None


@lru_cache(maxsize=1024)
def memory_mib(text: str) -> int | None:
    """Memory in MiB, rounded up. A bare number is MiB; a trailing ``n`` or ``c`` (per node,
    per CPU) is dropped, see :func:`memory_per_cpu`. "0" (all of the node) is ``None``."""
    match = _MEMORY.fullmatch(text.strip())
    if not match or unset(text):
        return None
    number, unit, _ = match.groups()
    mib = math.ceil(round(float(number) * 1024.0 ** (_POWERS[unit.upper() or "M"] - 2), 6))
    return mib or None


def memory_per_cpu(text: str) -> bool:
    """True when a memory request is marked as per CPU (``4000Mc``)."""
    match = _MEMORY.fullmatch(text.strip())
    return bool(match) and match is not None and match.group(3).lower() == "c"


@lru_cache(maxsize=1024)
def count(text: str) -> int | None:
    """A number such as ``12``, ``1.5K`` (1536, as Slurm means it) or ``4+``."""
    match = _COUNT.fullmatch(text.strip())
    if not match:
        return None
    number, unit = match.groups()
    value = round(float(number) * 1024 ** _POWERS[unit.upper()]) if unit else float(number)
    whole = int(value)
    return None if whole != value or whole in _NO_VALUE or whole in _INFINITE else whole


def number(text: str) -> int | None:
    """A plain whole number without sign; ``None`` for anything else."""
    text = text.strip()
    return int(text) if re.fullmatch(r"[0-9]{1,19}", text) else None


def real(text: str) -> float | None:
    """A plain decimal number, e.g. a load."""
    text = text.strip()
    return float(text) if re.fullmatch(r"[0-9]{1,12}(?:\.[0-9]{1,9})?", text) else None


def exit_code(text: str) -> tuple[int | None, int]:
    """Accounting's ``status:signal``; the status is ``None`` when it is not given."""
    match = re.fullmatch(r"([0-9]{1,9}):([0-9]{1,9})", text.strip())
    return (int(match.group(1)), int(match.group(2))) if match else (None, 0)


def pairs(text: str) -> dict[str, str]:
    """``cpu=4,mem=16G,gres/gpu:a100=2`` as a mapping; parts without ``=`` are left out."""
    found: dict[str, str] = {}
    if unset(text):
        return found
    for part in text.strip().split(","):
        key, equals, value = part.partition("=")
        if equals and key.strip():
            found[key.strip()] = value.strip()
    return found


def tres(text: str) -> tuple[tuple[str, int], ...]:
    """``cpu=4,mem=16G,gres/gpu=2`` as amounts; memory in MiB. What is not a number is left out."""
    found: list[tuple[str, int]] = []
    for key, value in pairs(text).items():
        amount = memory_mib(value) if key == "mem" else count(value)
        if amount is not None:
            found.append((key, amount))
    return tuple(found)


def duration_text(seconds: int) -> str:
    """A time as Slurm writes and takes it, ``2-03:00:00``; ``UNLIMITED`` without a limit."""
    if seconds == UNLIMITED:
        return "UNLIMITED"
    minutes, left = divmod(max(0, seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    clock = f"{hours:02d}:{minutes:02d}:{left:02d}"
    return f"{days}-{clock}" if days else clock


def tres_gpus(tres: dict[str, str]) -> int:
    """GPUs in a TRES mapping. Slurm may give a total and the typed parts of the same
    total: the total counts, the parts only where there is no total."""
    total = count(tres.get("gres/gpu", ""))
    if total is not None:
        return total
    return sum(count(value) or 0 for key, value in tres.items() if key.startswith("gres/gpu:"))


def gres_gpus(text: str) -> dict[str, int]:
    """GPUs by type in a GRES text, e.g. ``gpu:a100:2(S:0-1),gpu:1`` or ``gres/gpu:a100=2``.

    Forms of all versions: with and without ``gres:`` or ``gres/`` before it, ``(IDX:0-1)``,
    ``(null)``. The type is "" where none is given; a bare ``gpu`` is one.
    """
    found: dict[str, int] = {}
    if unset(text):
        return found
    for part in re.sub(r"\([^()]*\)", "", text).split(","):
        bare = part.strip().removeprefix("gres/").removeprefix("gres:").removeprefix("gres/")
        fields = re.split(r"[:=]", bare)
        if fields[0] != "gpu":
            continue
        kind, amount = "", 1
        if len(fields) == 2:
            given = count(fields[1])
            kind, amount = ("", given) if given is not None else (fields[1], 1)
        elif len(fields) >= 3:
            kind, amount = fields[1], count(fields[-1]) or 0
        found[kind] = found.get(kind, 0) + amount
    return found
