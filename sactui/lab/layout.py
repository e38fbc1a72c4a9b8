"""Where the files of a lab lie.

Everything a lab owns is below one directory, ``<base>/<name>``. The path is kept
short because unix sockets hang below it (tmux's, one directory a node), and plain
because it stands unquoted in files of Slurm and sshd, which know no quoting.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from sactui.errors import LabError

#: Longest path of a unix socket on Linux, in bytes (sun_path without its NUL).
SOCKET_PATH_LIMIT = 107
#: Room kept for the name of a tmux socket.
SOCKET_NAME_ROOM = 40

#: Names the base directory instead of ``/tmp/sactui-lab-<uid>``.
BASE_VARIABLE = "SACTUI_LAB_DIR"
#: Every process of a lab carries ``SACTUI_LAB=<directory>``.
MARKER = "SACTUI_LAB"
#: A shell that only looks at the lab (``sactui lab env``) carries this one.
GUEST_MARKER = "SACTUI_LAB_GUEST"
#: Tasks of jobs carry the name of the node they run on.
NODE_MARKER = "SACTUI_LAB_NODE"

_PLAIN_PATH = re.compile(r"/[A-Za-z0-9._/-]*\Z")


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one lab."""

    directory: Path

    @property
    def slurm_conf(self) -> Path:
        return self.directory / "slurm.conf"

    @property
    def gres_conf(self) -> Path:
        return self.directory / "gres.conf"

    @property
    def cgroup_conf(self) -> Path:
        return self.directory / "cgroup.conf"

    @property
    def job_container_conf(self) -> Path:
        return self.directory / "job_container.conf"

    @property
    def private(self) -> Path:
        """Holds the /tmp of each job, where jobs have their own."""
        return self.directory / "private"

    @property
    def slurmdbd_conf(self) -> Path:
        return self.directory / "slurmdbd.conf"

    @property
    def task_prolog(self) -> Path:
        return self.directory / "task_prolog.sh"

    @property
    def munge_key(self) -> Path:
        return self.directory / "munge.key"

    @property
    def munge_socket(self) -> Path:
        return self.run / "munge.sock"

    @property
    def mysql_socket(self) -> Path:
        return self.run / "mysql.sock"

    @property
    def control_socket(self) -> Path:
        return self.run / "control.sock"

    @property
    def status(self) -> Path:
        return self.run / "status.json"

    @property
    def options(self) -> Path:
        return self.directory / "options.json"

    @property
    def run(self) -> Path:
        return self.directory / "run"

    @property
    def log(self) -> Path:
        return self.directory / "log"

    @property
    def ssh(self) -> Path:
        return self.directory / "ssh"

    @property
    def ssh_config(self) -> Path:
        return self.ssh / "config"

    @property
    def proxy_config(self) -> Path:
        return self.ssh / "proxy.conf"

    @property
    def home(self) -> Path:
        """Home directory of logins and jobs: the user's own stays clean."""
        return self.directory / "home"

    @property
    def front(self) -> Path:
        """First on the PATH of the login hosts: what lies here takes the place of Slurm's commands."""
        return self.directory / "front"

    @property
    def tmux(self) -> Path:
        """Holds one TMUX_TMPDIR for each node and each login host."""
        return self.directory / "t"

    def create(self) -> None:
        """Make the directories (mode 0700). Raises OSError."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("state", "spool", "run", "log", "ssh", "home", "t", "dev", "front"):
            (self.directory / name).mkdir(mode=0o700, exist_ok=True)


def base_directory() -> Path:
    """The directory that holds this user's labs: ``$SACTUI_LAB_DIR`` or ``/tmp/sactui-lab-<uid>``.

    ``$TMPDIR`` and ``$XDG_RUNTIME_DIR`` are not used: they may be long, mounted
    noexec (the task prolog is a program) or emptied at logout.
    """
    named = os.environ.get(BASE_VARIABLE)
    return Path(named).absolute() if named else Path(f"/tmp/sactui-lab-{os.getuid()}")


def private_base() -> Path:
    """Where labs live whose jobs have a /tmp of their own: they could not see one below /tmp."""
    return Path(f"/var/lib/sactui-lab-{os.getuid()}")


def layout_of(name: str, node_names: tuple[str, ...] = (), base: Path | None = None) -> Layout:
    """The layout of the lab ``name``; LabError when its paths would not work."""
    if base is None and os.path.lexists(private_base() / name):
        base = private_base()
    directory = (base or base_directory()) / name
    text = str(directory)
    remedy = f"name a short, plain directory: {BASE_VARIABLE}=/tmp/lab"
    if not _PLAIN_PATH.match(text):
        raise LabError(
            f"the lab cannot live in {text!r}: Slurm's files allow only letters, digits and ._/-", remedy
        )
    longest_node = max((len(node) for node in node_names), default=0)
    needed = len(f"{text}/t//tmux-{os.getuid()}/") + max(longest_node, len("login99")) + SOCKET_NAME_ROOM
    if needed > SOCKET_PATH_LIMIT:
        raise LabError(
            f"the lab cannot live in {text}: tmux sockets below it would take {needed} bytes, "
            f"and a socket's path may have {SOCKET_PATH_LIMIT}",
            remedy,
        )
    return Layout(directory)


def open_base(base: Path) -> int:
    """Make the base directory private to this user and return a descriptor of it.

    In ``/tmp`` anybody could have made it first, so its owner is checked. The caller
    closes the descriptor. Raises LabError.
    """
    remedy = f"remove it, or name another directory: {BASE_VARIABLE}=/tmp/lab"
    try:
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise LabError(
            f"the directory of the labs {base} cannot be used: {error.strerror}", remedy
        ) from error
    about = os.fstat(descriptor)
    if about.st_uid != os.getuid():
        os.close(descriptor)
        raise LabError(f"the directory of the labs {base} belongs to user {about.st_uid}", remedy)
    if stat.S_IMODE(about.st_mode) & 0o022:
        os.close(descriptor)
        raise LabError(f"the directory of the labs {base} can be written by others", f"chmod 700 {base}")
    return descriptor
