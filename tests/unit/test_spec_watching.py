from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from sactui.spec.watching import Mode, filesystem, on_network, read_mounts, watch, worth_a_look

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:30 / /home rw shared:2 - nfs4 server:/home rw
31 30 0:31 / /home/me/my\\040files rw - fuse.sshfs host: rw
32 22 0:32 / /scratch rw master:3 - lustre mds@tcp:/s rw
33 22 8:2 / /home2 rw - xfs /dev/sdb rw
34 22 0:34 / /twice rw - nfs a:/ rw
35 34 8:3 / /twice rw - ext4 /dev/sdc rw
broken line
"""


@pytest.mark.parametrize(
    ("path", "kind", "network"),
    [
        ("/tmp/x", "ext4", False),
        ("/home", "nfs4", True),
        ("/home/me/agents", "nfs4", True),
        ("/home/me/my files/agents", "fuse.sshfs", True),
        ("/home2/me", "xfs", False),
        ("/scratch/a/b", "lustre", True),
        ("/twice/a", "ext4", False),
    ],
)
def test_the_file_system_of_a_path(path: str, kind: str, network: bool) -> None:
    assert filesystem(path, MOUNTS) == kind
    assert on_network(path, MOUNTS) is network


def test_without_a_mount_table_nothing_is_called_a_network() -> None:
    assert filesystem("/x", "") == ""
    assert not on_network("/x", "")


def test_this_machines_mounts_can_be_read() -> None:
    assert filesystem("/proc/self", read_mounts()) == "proc"


class Watched:
    """A running watch that reads the tree at every look, as the console does."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.seen: dict[str, str] | None = None
        self._looked = asyncio.Event()

    def read(self) -> dict[str, str]:
        return {
            str(one): one.read_text() if one.is_file() else "directory"
            for one in sorted([self.root, *self.root.rglob("*")])
            if one.exists()
        }

    async def follow(self, looks: AsyncGenerator[None]) -> None:
        async with contextlib.aclosing(looks) as found:
            async for _ in found:
                self.seen = self.read()
                self._looked.set()

    async def after(self, act: Callable[[], object]) -> None:
        """Do something and wait until a look has seen what is there then."""
        act()
        there = self.read()
        async with asyncio.timeout(20):
            while self.seen != there:
                self._looked.clear()
                await self._looked.wait()


def run(
    directory: Path,
    mode: Mode,
    steps: Sequence[Callable[[], object]],
    *,
    mounts: str | None = None,
    rescan: float = 600,
) -> None:
    """Every step must be noticed; the watch then ends at once and leaves nothing behind."""

    async def main() -> None:
        stop = asyncio.Event()
        watched = Watched(directory)
        looks = watch([directory], stop, mode=mode, poll_interval=0.1, rescan=rescan, mounts=mounts)
        task = asyncio.create_task(watched.follow(looks))
        for step in (lambda: None, *steps):
            await watched.after(step)
        stop.set()
        async with asyncio.timeout(10):
            await task
        assert {one for one in asyncio.all_tasks() if one is not asyncio.current_task()} == set()

    asyncio.run(main())


@pytest.mark.parametrize("mode", ["events", "poll"])
def test_saves_renames_and_directories_that_come_and_go(tmp_path: Path, mode: Mode) -> None:
    root = tmp_path / "not" / "yet"
    file = root / "a" / "a.yaml"

    def save() -> None:
        temporary = file.with_name(".a.yaml.tmp")
        temporary.write_text(f"x: {os.urandom(4).hex()}")
        os.replace(temporary, file)

    def replace_directory() -> None:
        fresh = tmp_path / "not" / "fresh"
        shutil.copytree(root, fresh)
        (fresh / "a" / "a.yaml").write_text("other: 1")
        os.rename(root, tmp_path / "not" / "old")
        os.rename(fresh, root)

    run(
        root,
        mode,
        [
            lambda: root.mkdir(parents=True),
            lambda: file.parent.mkdir(),
            lambda: file.write_text("x: 1"),
            save,
            save,
            replace_directory,
            save,
            lambda: file.write_text("in place: 1"),
            file.unlink,
            lambda: shutil.rmtree(root),
            lambda: root.mkdir(),
            lambda: file.parent.mkdir(),
        ],
    )


@pytest.mark.parametrize(
    ("name", "matters"),
    [
        ("x.yaml", True),
        ("x.yml", True),
        ("agent-directory", True),
        ("x.yaml~", False),
        (".x.yaml.swp", False),
        (".x.yaml.tmp", False),
        ("#x.yaml#", False),
        ("4913", False),
        ("notes.txt", False),
    ],
)
def test_editors_leftovers_are_not_worth_a_look(name: str, matters: bool) -> None:
    assert worth_a_look(f"/agents/{name}") is matters


def test_without_notifications_the_directories_are_looked_at_again(tmp_path: Path) -> None:
    async def main() -> int:
        stop = asyncio.Event()
        looks = 0
        async with contextlib.aclosing(watch([tmp_path], stop, mode="off", rescan=0.01)) as found:
            async for _ in found:
                looks += 1
                if looks == 5:
                    stop.set()
        return looks

    assert asyncio.run(main()) == 5


def test_leaving_early_ends_the_watching(tmp_path: Path) -> None:
    async def main() -> set[asyncio.Task[object]]:
        async with contextlib.aclosing(watch([tmp_path], asyncio.Event())) as found:
            async for _ in found:
                break
        return {one for one in asyncio.all_tasks() if one is not asyncio.current_task()}

    assert asyncio.run(main()) == set()


def test_a_network_home_is_compared_instead_of_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import watchfiles

    def forbidden(*paths: object, **options: object) -> None:
        raise AssertionError("the system was asked to watch a network file system")

    monkeypatch.setattr(watchfiles, "awatch", forbidden)
    mounts = f"1 0 0:1 / {tmp_path} rw - nfs4 server:/x rw\n"
    run(tmp_path, "auto", [lambda: (tmp_path / "x.yaml").write_text("x")], mounts=mounts)


def test_a_refused_watch_becomes_a_comparison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import watchfiles

    async def refused(*paths: object, **options: object) -> AsyncIterator[None]:
        if paths:
            raise OSError(28, "inotify watch limit reached")
        yield

    monkeypatch.setattr(watchfiles, "awatch", refused)
    run(tmp_path, "events", [lambda: (tmp_path / "x.yaml").write_text("x")], rescan=0.5)
