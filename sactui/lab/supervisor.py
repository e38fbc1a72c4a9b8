"""The process that starts a lab and holds its daemons: ``python -m sactui.lab.supervisor DIR``.

Every daemon is its child in the foreground and dies with it, even when it is killed
with SIGKILL. So there is no orderly shutdown: the supervisor ends, the kernel ends
the daemons, and the watcher sweeps up what they had started.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from sactui.errors import LabError
from sactui.lab import children, config, control, daemons, install, ports, ssh
from sactui.lab.config import LabOptions, Ports
from sactui.lab.daemons import Daemon
from sactui.lab.layout import Layout
from sactui.lab.report import DaemonReport, LoginReport, Report
from sactui.lab.sweep import descendants, sweep

_READY_TIMEOUT = 20.0


class Supervisor:
    """Starts the lab in ``layout`` as ``options`` say, and serves requests about its daemons."""

    def __init__(self, layout: Layout, options: LabOptions) -> None:
        self.layout = layout
        self.options = options
        self.report = Report(supervisor=os.getpid())
        self._environment = daemons.environment(layout)
        self._known: dict[str, Daemon] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._began = time.monotonic()
        self._held = ExitStack()

    # ---- start

    def bring_up(self) -> None:
        """Start everything and wait until every node is idle. Raises LabError, OSError."""
        options, layout = self.options, self.layout
        install.check(accounting=options.accounting, cgroup=options.cgroup)
        layout.create()
        base, lock = ports.reserve(options.ports, options.port)
        self._held.push(lock)
        block = Ports(base, options)
        self._write_files(block)
        database = daemons.create_database(layout) if options.accounting else None
        self._start(daemons.munged(layout))
        ssh.write(layout, options, block)
        for number, alias in enumerate(options.aliases, start=1):
            self._start(daemons.sshd(layout, block, number))
            self.report.logins.append(LoginReport(alias, block.login(number), "sshd"))
        self._await("munged")
        self._step(f"munge: {layout.munge_socket}")
        if database is not None:
            self._start_accounting(block, database)
        self._start(daemons.slurmctld(layout, block, self._controller_answers))
        for node in options.node_names:
            self._start(daemons.slurmd(layout, block, node))
        self._start_logins(block)
        self._await("slurmctld")
        self._until(self._all_idle, "the nodes did not become idle", (*options.node_names, "slurmctld"))
        self._step(
            f"slurm: {options.nodes} nodes of {options.cpus} CPUs and {options.memory} MB, "
            f"controller on port {block.slurmctld}"
        )
        self.report.state = "up"
        self.report.started_in = round(time.monotonic() - self._began, 2)
        self._publish()

    def _write_files(self, block: Ports) -> None:
        layout, options = self.layout, self.options
        user, hostname = ssh.user_name(), socket.gethostname().split(".")[0]
        layout.munge_key.touch(mode=0o600)
        layout.munge_key.write_bytes(os.urandom(128))
        for number in range(options.gpus):
            device = layout.directory / "dev" / f"gpu{number}"
            device.unlink(missing_ok=True)
            device.symlink_to("/dev/null")
        for node in options.node_names:
            (layout.directory / "spool" / node).mkdir(mode=0o700, exist_ok=True)
        layout.slurm_conf.write_text(config.slurm_conf(options, layout, block, user=user, hostname=hostname))
        layout.gres_conf.write_text(config.gres_conf(options, layout))
        layout.task_prolog.write_text(config.task_prolog(layout, private=options.cgroup))
        layout.task_prolog.chmod(0o700)
        if options.cgroup:
            layout.cgroup_conf.write_text(config.cgroup_conf())
            layout.job_container_conf.write_text(config.job_container_conf(options, layout))
            for node in options.node_names:
                (layout.private / node).mkdir(mode=0o755, parents=True, exist_ok=True)
        elif _slurm_version() >= (23, 11):
            # Newer slurmds look for cgroups even when nothing uses them.
            layout.cgroup_conf.write_text("CgroupPlugin=disabled\n")
        if options.accounting:
            layout.slurmdbd_conf.touch(mode=0o600)
            layout.slurmdbd_conf.write_text(config.slurmdbd_conf(layout, block, user=user, hostname=hostname))

    def _start_accounting(self, block: Ports, database: subprocess.Popen[str]) -> None:
        said, _ = database.communicate()
        if database.returncode != 0:
            raise LabError(f"mariadb-install-db failed:\n{said.strip()[-600:]}", "or leave --accounting out")
        self._start(daemons.mariadbd(self.layout))
        self._await("mariadbd")
        self._start(daemons.slurmdbd(self.layout, block))
        self._await("slurmdbd")
        user, cluster = ssh.user_name(), self.options.cluster
        manager = [install.require("sacctmgr"), "-i"]
        for command in (
            ["add", "cluster", cluster],
            ["add", "qos", "long"],
            ["add", "account", "lab", f"cluster={cluster}", "qos=normal,long", "defaultqos=normal"],
            ["add", "user", user, "account=lab", f"cluster={cluster}", "adminlevel=admin"],
        ):
            done = self._run([*manager, *command])
            # It exits 1 when there was nothing to add: root and the QOS normal exist from the start.
            if done.returncode != 0 and "Nothing new added" not in done.stdout + done.stderr:
                raise LabError(
                    f"sacctmgr {' '.join(command)} failed:\n{(done.stderr or done.stdout).strip()[-600:]}"
                )
        self._step(f"accounting: slurmdbd on port {block.slurmdbd}")

    def _start_logins(self, block: Ports) -> None:
        """Make sure that every login host gives terminals, with another server where sshd cannot."""
        self._await("login1")
        reason = self._terminal_problem(self.options.aliases[0])
        for number, login in enumerate(self.report.logins, start=1):
            name = f"login{number}"
            if reason:
                self._end(name)
                self._start(daemons.login_server(self.layout, self.options, block, number))
                login.server = "asyncssh"
            self._await(name)
        if reason:
            self._step(f"sshd gives no terminals here ({reason}); the lab's own login server takes its place")
        self._step("logins: " + ", ".join(f"{each.alias} on port {each.port}" for each in self.report.logins))

    def _terminal_problem(self, alias: str) -> str:
        """Why a login through sshd gets no terminal; empty when it does."""
        argv = [
            install.require("ssh"),
            "-F",
            str(self.layout.ssh_config),
            "-o",
            "BatchMode=yes",
            "-tt",
            alias,
        ]
        tried = self._run([*argv, "tty"])
        if tried.returncode == 0 and "/dev/" in tried.stdout:
            return ""
        log = children.tail(self.layout.log / "login1.log", 40).splitlines()
        causes = [
            line
            for line in log
            if "chown" in line or "pty" in line or "not allowed" in line or "fatal" in line
        ]
        return (causes or [*tried.stderr.splitlines(), *log] or ["no reason given"])[-1].strip()

    # ---- requests

    def serve(self) -> int:
        """Answer requests until a signal ends the process."""
        path = self.layout.control_socket
        path.unlink(missing_ok=True)
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener,
            selectors.DefaultSelector() as selector,
        ):
            listener.bind(str(path))
            listener.listen(8)
            woken, wake = os.pipe()
            os.set_blocking(wake, False)
            signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
            signal.signal(signal.SIGCHLD, lambda number, frame: None)
            selector.register(listener, selectors.EVENT_READ)
            selector.register(woken, selectors.EVENT_READ)
            self._reap()
            while True:
                for key, _ in selector.select():
                    if key.fileobj is listener:
                        self._serve_one(listener)
                    else:
                        os.read(woken, 512)
                self._reap()

    def _serve_one(self, listener: socket.socket) -> None:
        link, _ = listener.accept()
        with link:
            try:
                action, name = control.read_request(link)
                self._do(action, name)
            except LabError as error:
                outcome: LabError | None = error
            except OSError as error:
                outcome = LabError(f"the lab could not do it: {error}")
            else:
                outcome = None
            try:
                control.answer(link, outcome)
            except OSError:
                # The caller did not wait for the answer: the status file tells it as well.
                return

    def _do(self, action: str, name: str) -> None:
        if name not in self._known:
            raise LabError(f"the lab has no daemon {name!r}", f"it has {', '.join(self._known)}")
        if action == "kill":
            self._end(name)
        elif action == "stop":
            self._stop(name)
        elif action == "restart":
            self._end(name)
            self._start(self._known[name])
            self._await(name)
        else:
            self._signal(name, signal.SIGSTOP if action == "hang" else signal.SIGCONT)
            self.report.daemons[name].state = "hung" if action == "hang" else "running"
        self._publish()

    def _reap(self) -> None:
        """Note which daemons have died."""
        changed = False
        for name, process in self._running.items():
            if process.poll() is not None and self.report.daemons[name].state != "dead":
                self.report.daemons[name].state = "dead"
                changed = True
        if changed:
            self._publish()

    # ---- daemons

    def _start(self, daemon: Daemon) -> None:
        for path in daemon.sockets:
            path.unlink(missing_ok=True)
        output = self.layout.log / f"{daemon.name}.out"
        process = children.start(daemon.argv, output, {**self._environment, **daemon.extra})
        self._known[daemon.name] = daemon
        self._running[daemon.name] = process
        self.report.daemons[daemon.name] = DaemonReport(process.pid, "running", str(daemon.log))
        self._publish()

    def _signal(self, name: str, number: signal.Signals) -> None:
        """Signal the daemon; a login host is signalled with everything that runs below it."""
        process = self._running[name]
        if process.poll() is not None:
            raise LabError(f"{name} is not running", f"restart it first: lab.faults.restart({name!r})")
        targets = [process.pid]
        if name.startswith("login"):
            targets += sorted(descendants(process.pid))
        for pid in targets:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue

    def _stop(self, name: str) -> None:
        process = self._running[name]
        self._signal(name, signal.SIGCONT)
        self._signal(name, signal.SIGTERM)
        try:
            process.wait(timeout=_READY_TIMEOUT)
        except subprocess.TimeoutExpired as error:
            raise LabError(f"{name} did not stop within {_READY_TIMEOUT:.0f} s", "kill it") from error
        self.report.daemons[name].state = "dead"

    def _end(self, name: str) -> None:
        if self._running[name].poll() is None:
            self._signal(name, signal.SIGKILL)
        self._running[name].wait()
        self.report.daemons[name].state = "dead"

    def _await(self, name: str) -> None:
        self._until(self._known[name].ready, f"{name} did not answer", (name,))

    def _until(self, condition: Callable[[], bool], failure: str, needed: tuple[str, ...]) -> None:
        """Wait for ``condition``; LabError when a needed daemon dies or it takes too long."""
        deadline = time.monotonic() + _READY_TIMEOUT
        while not condition():
            for name in needed:
                code = self._running[name].poll()
                if code is not None:
                    raise self._died(name, code)
            if time.monotonic() > deadline:
                raise LabError(
                    f"{failure} within {_READY_TIMEOUT:.0f} s:\n{self._last_lines(needed[-1])}",
                    f"the logs are in {self.layout.log}",
                )
            time.sleep(0.02)

    def _died(self, name: str, code: int) -> LabError:
        port = self._known[name].port
        lines = self._last_lines(name)
        how = f"signal {-code}" if code < 0 else f"exit status {code}"
        if "already in use" in lines and port is not None:
            return LabError(
                f"{name} could not start: port {port} is in use",
                "start the lab again: it looks for free ports",
            )
        return LabError(f"{name} ended at its start ({how}):\n{lines}", f"the logs are in {self.layout.log}")

    def _last_lines(self, name: str) -> str:
        log = self._known[name].log
        return children.tail(log) or children.tail(self.layout.log / f"{name}.out") or "(it logged nothing)"

    # ---- questions

    def _run(self, argv: list[str]) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                env=self._environment,
                timeout=15,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(argv, 124, "", f"{argv[0]} did not end within 15 s")

    def _controller_answers(self) -> bool:
        return " is UP" in self._run([install.require("scontrol"), "ping"]).stdout

    def _all_idle(self) -> bool:
        said = self._run([install.require("sinfo"), "-h", "-N", "-o", "%N %T"]).stdout
        states = dict(line.split() for line in said.splitlines() if len(line.split()) == 2)
        return all(states.get(node) == "idle" for node in self.options.node_names)

    def _step(self, text: str) -> None:
        self.report.steps.append(text)
        self._publish()

    def _publish(self) -> None:
        self.report.write(self.layout.status)


def _slurm_version() -> tuple[int, int]:
    said = subprocess.run(
        [install.require("slurmctld"), "-V"], capture_output=True, text=True, check=False
    ).stdout
    try:
        major, minor = said.split()[-1].split(".")[:2]
        return int(major), int(minor)
    except (IndexError, ValueError):
        return (0, 0)


def main(argv: list[str]) -> int:
    layout = Layout(Path(argv[0]))
    supervisor: Supervisor | None = None
    # The kernel sends it when the watcher dies: then nobody else is there to sweep.
    signal.signal(signal.SIGTERM, _end_now)
    try:
        supervisor = Supervisor(layout, LabOptions.loads(layout.options.read_text(encoding="utf-8")))
        supervisor.bring_up()
        return supervisor.serve()
    except (LabError, OSError) as error:
        report = supervisor.report if supervisor is not None else Report()
        report.state = "failed"
        report.error = error.message if isinstance(error, LabError) else f"the lab could not start: {error}"
        report.remedy = error.remedy if isinstance(error, LabError) else f"the logs are in {layout.log}"
        report.write(layout.status)
        return 1
    except _WatcherGone:
        sweep(layout.directory)
        return 1


class _WatcherGone(BaseException):
    """Raised by the signal handler; no Exception, so that nothing on its way takes it for an error."""


def _end_now(number: int, frame: FrameType | None) -> None:
    raise _WatcherGone


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
