"""A block of free TCP ports for one lab.

Two labs that start at the same moment must not choose the same block. An abstract
unix socket is the lock: it exists once in a network namespace, for all users, and
vanishes with the process that holds it.
"""

from __future__ import annotations

import socket
from contextlib import ExitStack, closing
from pathlib import Path

from sactui.errors import LabError

_SLOT = 16
_FIRST = 20_000


def reserve(count: int, first: int | None = None) -> tuple[int, ExitStack]:
    """The first port of ``count`` free ones, and the lock on them.

    The lock must be kept (and closed at the end) by the process whose lab uses the
    ports. With ``first`` the block begins there. Raises LabError.
    """
    if first is not None:
        taken = _taken(first, count)
        if taken is not None:
            raise LabError(f"port {taken} is in use", "leave --port out: the lab finds free ports by itself")
        return first, ExitStack()
    span = -(-count // _SLOT)
    ceiling = _ephemeral_floor()
    for slot in range((ceiling - _FIRST) // _SLOT - span):
        base = _FIRST + slot * _SLOT
        lock = _lock(base, span)
        if lock is None:
            continue
        if _taken(base, count) is None:
            return base, lock
        lock.close()
    raise LabError(
        f"no {count} consecutive free ports between {_FIRST} and {ceiling}",
        "end other labs: sactui lab down --name NAME",
    )


def _lock(base: int, span: int) -> ExitStack | None:
    with ExitStack() as held:
        for number in range(span):
            lock = held.enter_context(closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)))
            try:
                lock.bind(f"\0sactui-lab-port-{base + number * _SLOT}")
            except OSError:
                return None
        return held.pop_all()


def _taken(base: int, count: int) -> int | None:
    """The first port of the block that somebody listens on, or None."""
    for port in range(base, base + count):
        with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
            # As the daemons do: connections that are winding down are no obstacle.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("", port))
                probe.listen(1)
            except OSError:
                return port
    return None


def _ephemeral_floor() -> int:
    """Ports from here on are handed out by the kernel to outgoing connections."""
    try:
        floor = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 32_768
    # Where the whole range is ephemeral, the usual border is as good as any.
    return floor if floor >= _FIRST + 1000 else 32_768
