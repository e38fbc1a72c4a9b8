"""Watching directories of definitions.

Directories only: a file that an editor saves by renaming is lost to a watch on the file.
Whatever is reported means "look again", never "this happened": batches are merged and
reordered, and editors leave backups and half-written files on the way. The parent of each
directory is watched as well (not below it), because a directory that is replaced by another
one, or that appears later, is reported to its parent alone. And because every notification
can be lost, the directories are looked at again once a minute anyway.

Network file systems report nothing of what other machines do: there the files' stamps are
compared, in nanoseconds (watchfiles' own polling compares whole seconds, and misses the
second of two saves in one).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

from .loading import absolute

#: Seconds after which the directories are looked at again without a notification.
RESCAN = 60.0

#: Seconds before watching is tried again after the system refused it.
_RETRY = 5.0

Mode = Literal["auto", "events", "poll", "off"]

_NETWORK = frozenset(
    {"nfs", "nfs4", "lustre", "gpfs", "beegfs", "beegfs_nodev", "cifs", "smb3", "smbfs", "9p", "virtiofs"}
    | {"afs", "ceph", "panfs", "wekafs", "vboxsf", "vmhgfs", "drvfs", "prl_fs", "orangefs", "glusterfs"}
)
_BACKUP = re.compile(r"^\.|~$|^#.*#$|\.sw[a-z]$|^4913$")


async def watch(
    directories: Sequence[Path | str],
    stop: asyncio.Event,
    *,
    mode: Mode = "auto",
    poll_interval: float = 2.0,
    rescan: float = RESCAN,
    mounts: str | None = None,
) -> AsyncGenerator[None, None]:
    """Yield whenever the directories are worth a look: at the start, after changes, once a minute.

    Ends when ``stop`` is set. Directories need not exist. ``auto`` polls (every
    ``poll_interval`` seconds) where a directory is on a network file system, which does not
    report what other machines change; ``off`` leaves the look once every ``rescan`` seconds.
    ``mounts`` is the text of ``/proc/self/mountinfo``, for tests. The caller closes the
    iterator (``contextlib.aclosing``), which ends the watching.
    """
    wanted = tuple(dict.fromkeys(absolute(one) for one in directories))
    if mode == "auto" and os.environ.get("WATCHFILES_FORCE_POLLING"):
        mode = "poll"
    table = read_mounts() if mounts is None else mounts
    changed = asyncio.Event()
    while not stop.is_set():
        polling = mode == "poll" or (mode == "auto" and any(on_network(one, table) for one in wanted))
        identity = _identity(wanted)
        watchers = [] if mode == "off" else _start(wanted, changed, poll_interval if polling else None)
        try:
            # The watches exist before the caller looks: nothing falls between.
            await _started(watchers)
            while not stop.is_set():
                yield
                failed = await _wait(changed, stop, watchers, rescan)
                changed.clear()
                if failed or _identity(wanted) != identity:
                    break
        finally:
            await _end(watchers)
        if not stop.is_set() and watchers and identity == _identity(wanted):
            # The system refused the watch (there are too many): stamps need no watch.
            mode = "poll" if mode in ("auto", "events") else mode
            await _pause(stop, min(_RETRY, rescan))


def read_mounts() -> str:
    """The mounts of this machine as Linux shows them; empty elsewhere."""
    try:
        return Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def filesystem(path: Path | str, mounts: str) -> str:
    """The type of the file system that holds ``path`` (it need not exist), or empty."""
    place = os.path.realpath(path)
    best, kind = "", ""
    for line in mounts.splitlines():
        left, separator, right = line.partition(" - ")
        words = left.split()
        if not separator or len(words) < 5 or not right:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), words[4])
        inside = point == "/" or place == point or place.startswith(point + "/")
        # Of mounts on the same point the last one counts.
        if inside and len(point) >= len(best):
            best, kind = point, right.split()[0]
    return kind


def on_network(path: Path | str, mounts: str) -> bool:
    """Whether other machines can change what is at ``path`` without this one being told."""
    kind = filesystem(path, mounts)
    return kind in _NETWORK or kind.startswith("fuse.")


def _identity(wanted: Iterable[Path]) -> tuple[tuple[str, int, int], ...]:
    """Which directories stand at the paths now, and which parents would hear of a change."""
    result = []
    for path in (*wanted, *(_parent(one) for one in wanted)):
        try:
            status = os.stat(path)
        except OSError:
            result.append((str(path), 0, 0))
        else:
            result.append((str(path), status.st_dev, status.st_ino))
    return tuple(result)


def _parent(path: Path) -> Path:
    """The nearest directory above ``path`` that exists."""
    return next((one for one in path.parents if os.path.isdir(one)), Path("/"))


def _start(
    wanted: Sequence[Path], changed: asyncio.Event, interval: float | None
) -> list[asyncio.Task[None]]:
    """Tasks that set ``changed``: comparing stamps every ``interval`` seconds, or told by the system."""
    if interval is not None:
        return [asyncio.create_task(_poll(wanted, changed, interval))]
    # os.path: an unreadable parent means "no", where Path.is_dir raises.
    existing = [one for one in wanted if os.path.isdir(one)]
    parents = tuple(dict.fromkeys(_parent(one) for one in wanted))
    # Of a parent only what leads to one of the directories matters.
    leading = frozenset(str(step) for one in wanted for step in (one, *one.parents))
    tasks = []
    if existing:
        tasks.append(asyncio.create_task(_follow(existing, worth_a_look, True, changed)))
    if parents:
        tasks.append(asyncio.create_task(_follow(parents, leading.__contains__, False, changed)))
    return tasks


async def _follow(
    paths: Sequence[Path],
    matters: Callable[[str], bool],
    recursive: bool,
    changed: asyncio.Event,
) -> None:
    """Set ``changed`` after every batch of changes; ends when the system refuses to watch."""
    from watchfiles import Change, awatch

    def relevant(_: Change, path: str) -> bool:
        return matters(path)

    # The library reports a refusal as OSError, or as an error of its own (a RuntimeError).
    with contextlib.suppress(OSError, RuntimeError):
        async for _ in awatch(
            *paths,
            watch_filter=relevant,
            debounce=600,
            # How often its thread looks whether something came, or whether it should end. The
            # event loop hears of it only then: of an idle console every wake-up is a cost.
            step=200,
            rust_timeout=60_000,
            recursive=recursive,
            force_polling=False,
            ignore_permission_denied=True,
        ):
            changed.set()


async def _poll(wanted: Sequence[Path], changed: asyncio.Event, interval: float) -> None:
    """Set ``changed`` whenever a definition's stamp differs."""
    before = _stamps(wanted)
    while True:
        await asyncio.sleep(interval)
        # Beside the event loop: network file systems take their time.
        after = await asyncio.to_thread(_stamps, wanted)
        if after != before:
            changed.set()
        before = after


def _stamps(wanted: Iterable[Path]) -> dict[str, tuple[int, int, int, int]]:
    """What tells one version of a file from another, for every definition and its directory."""
    stamps = {}
    for directory in wanted:
        places = [directory, *_entries(directory)]
        for place in places[1:]:
            places += [one for one in _entries(place) if worth_a_look(str(one))]
        for place in places:
            with contextlib.suppress(OSError):
                status = place.stat()
                stamps[str(place)] = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)
    return stamps


def _entries(directory: Path) -> list[Path]:
    try:
        return [directory / one for one in os.listdir(directory)]
    except OSError:
        return []


def worth_a_look(path: str) -> bool:
    """Whether a change of ``path``, inside a directory of definitions, can matter."""
    name = os.path.basename(path)
    if _BACKUP.search(name):
        return False
    # A directory has no suffix to know it by; whatever has none may be one.
    return name.endswith((".yaml", ".yml")) or "." not in name or os.path.isdir(path)


async def _started(watchers: Sequence[asyncio.Task[None]]) -> None:
    """Let the watchers run up to their first wait, which is after the watch was made."""
    for _ in range(3 if watchers else 0):
        await asyncio.sleep(0)


async def _wait(
    changed: asyncio.Event, stop: asyncio.Event, watchers: Sequence[asyncio.Task[None]], timeout: float
) -> bool:
    """Wait for a change, the end, or the time. True when a watcher has given up."""
    waiting = [asyncio.create_task(changed.wait()), asyncio.create_task(stop.wait())]
    try:
        await asyncio.wait([*waiting, *watchers], timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _end(waiting)
    return any(one.done() for one in watchers)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


async def _end(tasks: Sequence[asyncio.Task[object]] | Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
