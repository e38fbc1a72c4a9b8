"""The programs a lab is made of: where they are, and how to install what is missing."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from sactui.errors import LabError
from sactui.lab import cgroups

#: Daemons often lie where an ordinary user's PATH does not look.
_DAEMON_DIRECTORIES = (
    "/usr/sbin",
    "/usr/local/sbin",
    "/sbin",
    "/usr/local/bin",
    "/usr/bin",
    "/bin",
    "/usr/libexec",
)

#: program -> (Debian's package, Fedora's and EPEL's package)
_PACKAGES = {
    "munged": ("munge", "munge"),
    "slurmctld": ("slurm-wlm", "slurm-slurmctld"),
    "slurmd": ("slurm-wlm", "slurm-slurmd"),
    "sbatch": ("slurm-client", "slurm"),
    "sinfo": ("slurm-client", "slurm"),
    "scontrol": ("slurm-client", "slurm"),
    "srun": ("slurm-client", "slurm"),
    "sshd": ("openssh-server", "openssh-server"),
    "ssh": ("openssh-client", "openssh-clients"),
    "ssh-keygen": ("openssh-client", "openssh"),
    "tmux": ("tmux", "tmux"),
    "slurmdbd": ("slurmdbd", "slurm-slurmdbd"),
    "sacctmgr": ("slurm-client", "slurm"),
    "mariadbd": ("mariadb-server", "mariadb-server"),
    "mariadb-install-db": ("mariadb-server", "mariadb-server"),
}
_ACCOUNTING = ("slurmdbd", "sacctmgr", "mariadbd", "mariadb-install-db")


def find(program: str) -> str | None:
    """The path of ``program``, looked up in PATH and where daemons usually lie."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *_DAEMON_DIRECTORIES])
    return shutil.which(program, path=path)


def require(program: str) -> str:
    """The path of ``program``; LabError with the command that installs it when it is missing."""
    found = find(program)
    if found is None:
        raise missing_error([program])
    return found


def check(*, accounting: bool, cgroup: bool = False) -> None:
    """LabError that names everything a lab of this kind lacks on this machine."""
    if not sys.platform.startswith("linux"):
        raise LabError(
            "the lab needs Linux: Slurm's daemons run nowhere else",
            "run it on a Linux machine or in a container",
        )
    needed = [name for name in _PACKAGES if accounting or name not in _ACCOUNTING]
    missing = [name for name in needed if find(name) is None]
    if missing:
        raise missing_error(missing)
    if cgroup and (problem := cgroups.problem()):
        raise LabError(
            f"a lab with cgroups cannot run here: {problem}",
            "run it as root on a machine that lets it, or leave --cgroup out",
        )


def missing_error(programs: Iterable[str]) -> LabError:
    names = list(programs)
    verb = "is" if len(names) == 1 else "are"
    return LabError(f"{', '.join(names)} {verb} not installed", install_command(names))


def install_command(programs: Iterable[str], os_release: str | None = None) -> str:
    """The one command that installs ``programs`` on this system (text of /etc/os-release)."""
    if os_release is None:
        try:
            os_release = Path("/etc/os-release").read_text(encoding="utf-8", errors="replace")
        except OSError:
            os_release = ""
    fields = dict(line.split("=", 1) for line in os_release.splitlines() if "=" in line)
    family = f"{fields.get('ID', '')} {fields.get('ID_LIKE', '')}".replace('"', " ").replace("'", " ").split()
    red_hat = bool({"fedora", "rhel", "centos"} & set(family))
    debian = bool({"debian", "ubuntu"} & set(family))
    packages = " ".join(dict.fromkeys(_PACKAGES[name][1 if red_hat else 0] for name in programs))
    sudo = "" if os.geteuid() == 0 else "sudo "
    if red_hat:
        # Slurm itself comes from EPEL on everything but Fedora.
        epel = "" if "fedora" in family[:1] else f"{sudo}dnf install -y epel-release && "
        return f"{epel}{sudo}dnf install -y {packages}"
    if debian:
        return f"{sudo}apt-get install -y {packages}"
    return f"install them with this system's package manager (Debian names them: {packages})"
