"""The parent of a lab's supervisor, which outlives it: ``python -m sactui.lab.watcher DIR [OWNER_FD]``.

When the supervisor ends, however it ends, or the owner of the lab does, it kills
whatever is left. It is the subreaper of the lab: what loses its parent becomes its
child, so that even processes without the lab's mark cannot get lost.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
from pathlib import Path

from sactui.errors import LabError
from sactui.lab import cgroups, children, report
from sactui.lab.config import LabOptions
from sactui.lab.daemons import environment
from sactui.lab.layout import Layout
from sactui.lab.sweep import end, sweep


def main(argv: list[str]) -> int:
    layout = Layout(Path(argv[0]))
    owner = int(argv[1]) if len(argv) > 1 else None
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.umask(0o022)
    children.become_subreaper()
    told, tell = os.pipe()
    signal.signal(signal.SIGTERM, lambda number, frame: os.write(tell, b"."))
    supervisor = children.start(
        [sys.executable, "-m", "sactui.lab.supervisor", str(layout.directory)],
        layout.log / "supervisor.out",
        environment(layout),
        # Without its watcher it has no business to go on.
        on_death=signal.SIGTERM,
    )
    alive = os.pidfd_open(supervisor.pid)
    poll = select.poll()
    for descriptor in (told, alive, *([owner] if owner is not None else [])):
        poll.register(descriptor, select.POLLIN)
    ready: list[int] = []
    while not ready:
        # Twice a second it takes leave of orphans that have ended.
        ready = [descriptor for descriptor, _ in poll.poll(500)]
        _reap(supervisor.pid)
    wanted = told in ready or owner in ready
    end([supervisor.pid])
    swept = sweep(layout.directory, below=os.getpid())
    _reap(None)
    if not swept.left:
        cgroups.leave(layout.directory, _nodes(layout))
    if wanted and not swept.left:
        shutil.rmtree(layout.directory, ignore_errors=True)
        _remove_if_empty(layout.directory.parent)
        return 0
    last = report.read(layout.status) or report.Report()
    if last.state != "failed":
        last.state, last.error, last.remedy = "dead", "the lab's supervisor ended", "sactui lab up"
    for each in last.daemons.values():
        each.state = "dead"
    last.write(layout.status)
    return 1 if swept.left else 0


def _nodes(layout: Layout) -> tuple[str, ...]:
    try:
        return LabOptions.loads(layout.options.read_text(encoding="utf-8")).node_names
    except (OSError, LabError):
        return ()


def _reap(spared: int | None) -> None:
    """Collect children that have ended; ``spared`` keeps its exit status (and its number)."""
    while True:
        try:
            seen = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if seen is None or seen.si_pid == spared:
            return
        os.waitpid(seen.si_pid, 0)


def _remove_if_empty(directory: Path) -> None:
    try:
        directory.rmdir()
    except OSError:
        # Other labs live there.
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
