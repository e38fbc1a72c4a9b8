"""A lab as seen by those who use it: start it, ask it, break it, end it."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from sactui.errors import LabError
from sactui.lab import cgroups, children, daemons, install, layout, report, ssh, sweep
from sactui.lab.config import LabOptions
from sactui.lab.faults import Faults
from sactui.lab.proxy import Proxy
from sactui.lab.report import Report

_UP_TIMEOUT = 90.0
_DOWN_TIMEOUT = 10.0

Progress = Callable[[str], None]


def _silent(line: str) -> None:
    return None


class Lab:
    """One private cluster, named by its options.

    Making the object does nothing; :meth:`up` starts the lab (or finds it running),
    :meth:`down` ends it. As a context manager it does both.
    """

    def __init__(self, options: LabOptions | None = None) -> None:
        self.options = options or LabOptions()
        base = layout.private_base() if self.options.cgroup else None
        self.layout = layout.layout_of(self.options.name, self.options.node_names, base)
        self.faults = Faults(self)
        self._proxy: Proxy | None = None
        self._child: int | None = None

    @classmethod
    def open(cls, name: str = "lab") -> Lab:
        """The lab of this name as it was started. LabError when there is none."""
        where = layout.layout_of(LabOptions(name=name).name)
        try:
            return cls(LabOptions.loads(where.options.read_text(encoding="utf-8")))
        except OSError as error:
            if error.errno == errno.ENOENT:
                raise LabError(f"there is no lab {name!r}", f"sactui lab up --name {name}") from error
            raise LabError(f"the lab {name!r} cannot be read: {where.options}: {error.strerror}") from error

    def __enter__(self) -> Lab:
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    # ---- life

    def up(self, progress: Progress = _silent) -> bool:
        """Start the lab and wait until it can run jobs; False when it was up already.

        What an earlier, dead lab of this name left behind is cleaned away first.
        ``progress`` gets a line for each step. Raises LabError.
        """
        install.check(accounting=self.options.accounting, cgroup=self.options.cgroup)
        with self._locked():
            known = self.status()
            fresh = known is None or known.state in ("failed", "dead")
            if fresh:
                if self.layout.directory.exists() or sweep.members(self.layout.directory):
                    progress(f"cleaning up what an earlier lab left in {self.layout.directory}")
                    self._clean()
                watcher = self._launch()
        if known is not None and not fresh:
            # It keeps the options it was started with.
            self.options = Lab.open(self.options.name).options
            if known.state != "up":
                self._wait_up(progress, None)
            return False
        try:
            self._wait_up(progress, watcher)
        except KeyboardInterrupt:
            self.down()
            raise
        return True

    def down(self) -> bool:
        """End every process of the lab and remove its directory; False when there was nothing.

        Raises LabError when something is left.
        """
        if self._proxy is not None:
            self._proxy.close()
            self._proxy = None
        directory = self.layout.directory
        if not os.path.lexists(directory) and not sweep.members(directory):
            return False
        with self._locked():
            self._stop_watcher()
            if self._child is not None:
                with suppress(ChildProcessError):
                    os.waitpid(self._child, 0)
                self._child = None
            self._clean()
        try:
            directory.parent.rmdir()
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.EBUSY):
                raise LabError(f"{directory.parent} cannot be removed: {error.strerror}") from error
        return True

    def status(self) -> Report | None:
        """How the lab is; None when there is none. Raises LabError."""
        try:
            os.stat(self.layout.directory)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LabError(
                f"the lab's directory {self.layout.directory} cannot be read: {error.strerror}"
            ) from error
        known = report.read(self.layout.status) or Report()
        if known.state in ("starting", "up") and not self._watchers():
            known = replace(known, state="dead", error="the lab's processes are gone", remedy="sactui lab up")
        return known

    # ---- use

    @property
    def directory(self) -> Path:
        return self.layout.directory

    @property
    def node_names(self) -> tuple[str, ...]:
        return self.options.node_names

    @property
    def alias(self) -> str:
        """SSH alias of the first login host."""
        return self.options.aliases[0]

    @property
    def aliases(self) -> tuple[str, ...]:
        return self.options.aliases

    @property
    def proxy_alias(self) -> str:
        """SSH alias that leads through :attr:`proxy`; known to the lab's ssh_config while it runs."""
        return f"{self.options.name}-proxy"

    @property
    def ssh_config(self) -> Path:
        return self.layout.ssh_config

    def environment(self) -> dict[str, str]:
        """An environment for local Slurm commands on the lab; its processes end with the lab."""
        return {
            **daemons.environment(self.layout),
            **(login := ssh.login_environment(self.layout, 1)),
            # An administrator's commands stay what they are when those of the logins are replaced.
            "PATH": login["PATH"].removeprefix(f"{self.layout.front}:"),
            "LANG": "C.UTF-8",
        }

    def exports(self) -> dict[str, str]:
        """What a shell needs to look at the lab; the shell's processes do not end with the lab."""
        return {
            "SLURM_CONF": str(self.layout.slurm_conf),
            "SACTUI_SSH_CONFIG": str(self.layout.ssh_config),
            layout.GUEST_MARKER: str(self.layout.directory),
        }

    def slurm(self, *argv: str, timeout: float = 30.0) -> str:
        """Run a local command in the lab's environment and home; its output. Raises LabError."""
        try:
            done = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                env=self.environment(),
                cwd=self.layout.home,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise LabError(f"{' '.join(argv)} did not end within {timeout:.0f} s") from error
        except OSError as error:
            raise LabError(f"{argv[0]} cannot be run: {error.strerror}") from error
        if done.returncode != 0:
            raise LabError(
                f"{' '.join(argv)} ended with {done.returncode}: {(done.stderr or done.stdout).strip()}"
            )
        return done.stdout

    def ssh_argv(self, *command: str, alias: str | None = None, tty: bool = False) -> list[str]:
        """The command line of OpenSSH that runs ``command`` on a login host."""
        argv = [install.require("ssh"), "-F", str(self.ssh_config), "-o", "BatchMode=yes"]
        return [*argv, *(["-tt"] if tty else []), alias or self.alias, *command]

    def ssh(
        self,
        *command: str,
        alias: str | None = None,
        tty: bool = False,
        stdin: str = "",
        timeout: float = 60.0,
    ) -> subprocess.CompletedProcess[str]:
        """Run ``command`` on a login host through OpenSSH. Raises LabError when it does not end in time."""
        argv = self.ssh_argv(*command, alias=alias, tty=tty)
        try:
            return subprocess.run(
                argv,
                input=stdin,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise LabError(f"{' '.join(argv)} did not end within {timeout:.0f} s") from error

    @property
    def proxy(self) -> Proxy:
        """The proxy in front of the first login host; started in this process at first use."""
        if self._proxy is None:
            known = self.status()
            if known is None or not known.logins:
                raise LabError(f"the lab {self.options.name!r} is not up", "sactui lab up")
            self._proxy = Proxy(known.logins[0].port).start()
            hosts = self.layout.ssh / "known_hosts-proxy"
            hosts.write_text(ssh.known_host(self.layout, 1, self._proxy.port))
            block = ssh.host_block(self.layout, self.proxy_alias, self._proxy.port, hosts)
            self.layout.proxy_config.write_text("\n".join(block) + "\n")
        return self._proxy

    def processes(self) -> set[int]:
        """The ids of all processes of the lab."""
        return sweep.members(self.layout.directory)

    # ---- inside

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Only one process at a time starts or ends labs of this user."""
        base = layout.open_base(self.layout.directory.parent)
        try:
            fcntl.flock(base, fcntl.LOCK_EX)
            yield
        finally:
            os.close(base)

    def _launch(self) -> subprocess.Popen[bytes]:
        where = self.layout
        owner: int | None = None
        try:
            where.create()
            where.options.write_text(self.options.dumps(), encoding="utf-8")
            Report().write(where.status)
            if self.options.owner is not None:
                owner = os.pidfd_open(self.options.owner)
            argv = [sys.executable, "-m", "sactui.lab.watcher", str(where.directory)]
            with (where.log / "watcher.out").open("ab") as output:
                return subprocess.Popen(
                    argv if owner is None else [*argv, str(owner)],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=daemons.environment(where),
                    cwd="/",
                    pass_fds=() if owner is None else (owner,),
                    # Independent of this terminal and of its signals.
                    start_new_session=True,
                )
        except ProcessLookupError as error:
            raise LabError(f"the lab's owner, process {self.options.owner}, does not run") from error
        except OSError as error:
            raise LabError(f"the lab cannot start in {where.directory}: {error}") from error
        finally:
            if owner is not None:
                os.close(owner)

    def _wait_up(self, progress: Progress, watcher: subprocess.Popen[bytes] | None) -> None:
        try:
            self._follow(progress, watcher)
        except LabError:
            if watcher is None or not self._ended_soon(watcher):
                self._stop_watcher()
            raise
        finally:
            if watcher is not None and watcher.poll() is None:
                # It belongs to itself from here on; Popen must not complain about leaving it.
                watcher.returncode = 0
                self._child = watcher.pid

    def _stop_watcher(self) -> None:
        for pid in self._watchers():
            sweep.terminate(pid, _DOWN_TIMEOUT)

    @staticmethod
    def _ended_soon(watcher: subprocess.Popen[bytes]) -> bool:
        """Whether the watcher of a failed start has swept up and gone."""
        try:
            watcher.wait(timeout=_DOWN_TIMEOUT)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _follow(self, progress: Progress, watcher: subprocess.Popen[bytes] | None) -> None:
        """Pass the steps of the start on until the lab is up. Raises LabError when it does not get there."""
        shown = 0
        deadline = time.monotonic() + _UP_TIMEOUT
        while True:
            ended = watcher.poll() is not None if watcher is not None else not self._watchers()
            known = report.read(self.layout.status)
            for line in known.steps[shown:] if known is not None else ():
                progress(line)
                shown += 1
            if known is not None and known.state == "up":
                return
            if known is not None and known.state == "failed":
                raise LabError(known.error, known.remedy)
            if ended:
                said = [children.tail(self.layout.log / f"{name}.out") for name in ("watcher", "supervisor")]
                raise LabError(
                    "the lab's supervisor ended while it started:\n" + "\n".join(filter(None, said)),
                    f"the logs are in {self.layout.log}",
                )
            if time.monotonic() > deadline:
                raise LabError(
                    f"the lab did not start within {_UP_TIMEOUT:.0f} s", f"the logs are in {self.layout.log}"
                )
            time.sleep(0.03)

    def _watchers(self) -> list[int]:
        """The lab's watcher, found by its command line and mark: a number in a file may be stale."""
        where = os.fsencode(str(self.layout.directory))
        found = []
        for pid in sweep.members(self.layout.directory):
            words = sweep.command_line(pid).split(b"\0")
            if b"sactui.lab.watcher" in words and where in words:
                found.append(pid)
        return found

    def _clean(self) -> None:
        """End what is left and remove the directory. Raises LabError."""
        swept = sweep.sweep(self.layout.directory)
        if swept.left:
            raise LabError(
                f"processes of the lab do not end: {list(swept.left)}", "look at them with ps -fp PID"
            )
        cgroups.leave(self.layout.directory, self.options.node_names)
        deadline = time.monotonic() + 2
        while os.path.lexists(self.layout.directory):
            try:
                shutil.rmtree(self.layout.directory)
            except FileNotFoundError:
                continue
            except OSError as error:
                if time.monotonic() > deadline:
                    raise LabError(f"{self.layout.directory} cannot be removed: {error}") from error
                time.sleep(0.05)


def up(options: LabOptions | None = None, progress: Progress = _silent) -> Lab:
    """Start a lab (or find it running) and return it. Raises LabError."""
    lab = Lab(options)
    lab.up(progress)
    return lab


def down(name: str = "lab") -> bool:
    """End the lab ``name``; False when there was none. Raises LabError."""
    return Lab(LabOptions(name=name)).down()


def status(name: str = "lab") -> Report | None:
    """How the lab ``name`` is; None when there is none. Raises LabError."""
    return Lab(LabOptions(name=name)).status()


def names() -> Sequence[str]:
    """The names of this user's labs, also of dead ones."""
    entries: set[str] = set()
    for base in (layout.base_directory(), layout.private_base()):
        with suppress(OSError):
            entries.update(os.listdir(base))
    return tuple(sorted(entries))
