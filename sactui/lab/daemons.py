"""The daemons of a lab: their command lines, and how one sees that they serve."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import sactui
from sactui.lab import install, ssh
from sactui.lab.config import LabOptions, Ports
from sactui.lab.layout import MARKER, NODE_MARKER, Layout

#: Variables of the caller that its daemons may see; everything else of it is its own business.
_INHERITED = ("LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "TZ")


@dataclass(frozen=True, slots=True)
class Daemon:
    """One daemon: how it is started, where it logs, and when it is ready."""

    name: str
    argv: tuple[str, ...]
    log: Path
    ready: Callable[[], bool]
    #: Sockets to remove before a start: a stale one would look like a live daemon.
    sockets: tuple[Path, ...] = ()
    extra: Mapping[str, str] = field(default_factory=dict)
    port: int | None = None


def environment(layout: Layout) -> dict[str, str]:
    """The environment of the lab's processes; carries the marks by which they are found."""
    package = str(Path(sactui.__file__).resolve().parent.parent)
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    search = [package, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {
        "PATH": os.defpath,
        **inherited,
        "HOME": str(layout.home),
        "USER": ssh.user_name(),
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(search)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "SLURM_CONF": str(layout.slurm_conf),
        MARKER: str(layout.directory),
    }


def listens(port: int) -> bool:
    """Whether something accepts connections on this port of 127.0.0.1."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def greets(port: int) -> bool:
    """Whether an SSH server answers on this port of 127.0.0.1."""
    try:
        with closing(socket.create_connection(("127.0.0.1", port), timeout=1.0)) as probe:
            return probe.recv(4) == b"SSH-"
    except OSError:
        return False


def accepts(path: Path) -> bool:
    """Whether something accepts connections on this unix socket."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(str(path)) == 0


def munged(layout: Layout) -> Daemon:
    argv = (
        install.require("munged"),
        "--foreground",
        "--force",
        f"--key-file={layout.munge_key}",
        f"--socket={layout.munge_socket}",
        f"--pid-file={layout.run}/munged.pid",
        f"--log-file={layout.log}/munged.log",
        f"--seed-file={layout.run}/munge.seed",
    )
    sockets = (layout.munge_socket, Path(f"{layout.munge_socket}.lock"))
    return Daemon("munged", argv, layout.log / "munged.log", lambda: accepts(layout.munge_socket), sockets)


def slurmctld(layout: Layout, ports: Ports, answers: Callable[[], bool]) -> Daemon:
    """``answers`` says whether the controller answers; asked once its port is open."""
    return Daemon(
        "slurmctld",
        (install.require("slurmctld"), "-D", "-i"),
        layout.log / "slurmctld.log",
        lambda: listens(ports.slurmctld) and answers(),
        port=ports.slurmctld,
    )


def slurmd(layout: Layout, ports: Ports, node: str) -> Daemon:
    port = ports.slurmd(node)
    return Daemon(
        node,
        (install.require("slurmd"), "-D", "-N", node),
        layout.log / f"slurmd-{node}.log",
        lambda: listens(port),
        # Its step daemons inherit it: a crash of the node finds them.
        extra={NODE_MARKER: node},
        port=port,
    )


def sshd(layout: Layout, ports: Ports, number: int) -> Daemon:
    port = ports.login(number)
    log = layout.log / f"login{number}.log"
    # sshd starts itself anew for each connection and therefore wants its full path.
    argv = (install.require("sshd"), "-D", "-f", f"{layout.ssh}/sshd{number}.conf", "-E", str(log))
    return Daemon(f"login{number}", argv, log, lambda: greets(port), port=port)


def login_server(layout: Layout, options: LabOptions, ports: Ports, number: int) -> Daemon:
    """The login host where sshd can give no terminals (see :mod:`sactui.lab.login`)."""
    port = ports.login(number)
    argv = (
        sys.executable,
        "-m",
        "sactui.lab.login",
        str(layout.directory),
        str(number),
        str(port),
        str(options.max_sessions),
    )
    return Daemon(f"login{number}", argv, layout.log / f"login{number}.out", lambda: greets(port), port=port)


def mariadbd(layout: Layout) -> Daemon:
    as_root = ("--user=root",) if os.geteuid() == 0 else ()
    argv = (
        install.require("mariadbd"),
        "--no-defaults",
        *as_root,
        f"--datadir={layout.directory}/mysql",
        f"--socket={layout.mysql_socket}",
        f"--pid-file={layout.run}/mariadbd.pid",
        "--skip-networking",
        "--innodb-buffer-pool-size=32M",
        "--innodb-log-file-size=8M",
        "--innodb-lock-wait-timeout=900",
        # Its data lives as long as the lab: nothing needs to survive a power cut.
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-flush-method=nosync",
        "--innodb-doublewrite=0",
    )
    socket_path = layout.mysql_socket
    return Daemon("mariadbd", argv, layout.log / "mariadbd.out", lambda: accepts(socket_path), (socket_path,))


def slurmdbd(layout: Layout, ports: Ports) -> Daemon:
    return Daemon(
        "slurmdbd",
        (install.require("slurmdbd"), "-D"),
        layout.log / "slurmdbd.log",
        lambda: listens(ports.slurmdbd),
        extra={"MYSQL_UNIX_PORT": str(layout.mysql_socket)},
        port=ports.slurmdbd,
    )


def create_database(layout: Layout) -> subprocess.Popen[str]:
    """Start making MariaDB's system tables; the caller waits for its end."""
    as_root = ("--user=root",) if os.geteuid() == 0 else ()
    return subprocess.Popen(
        [
            install.require("mariadb-install-db"),
            "--no-defaults",
            *as_root,
            f"--datadir={layout.directory}/mysql",
            "--auth-root-authentication-method=socket",
            f"--auth-root-socket-user={ssh.user_name()}",
            "--skip-test-db",
            "--innodb-log-file-size=8M",
            "--innodb-flush-method=nosync",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(layout),
        cwd="/",
    )
