"""The lab's login hosts: keys, sshd's configuration, and how clients reach them."""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import subprocess
from pathlib import Path

from sactui.errors import LabError
from sactui.lab import install
from sactui.lab.config import LabOptions, Ports
from sactui.lab.layout import MARKER, Layout

#: What sshd gives a login when the system says nothing else.
_LOGIN_PATH = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin")
_SFTP_SERVERS = (
    "/usr/lib/openssh/sftp-server",
    "/usr/libexec/openssh/sftp-server",
    "/usr/libexec/sftp-server",
)

#: Set by sshd alone, until the session's shell has gone to the lab's home.
_ENTER = "SACTUI_LAB_ENTER"


def user_name() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


def login_shell() -> str:
    """The user's shell, or /bin/sh where accounts have none that allows a login."""
    shell = pwd.getpwuid(os.getuid()).pw_shell
    refuses = os.path.basename(shell) in ("nologin", "false")
    return shell if shell and not refuses and os.access(shell, os.X_OK) else "/bin/sh"


def sftp_server() -> str | None:
    return next((path for path in _SFTP_SERVERS if os.access(path, os.X_OK)), None)


def login_environment(layout: Layout, number: int) -> dict[str, str]:
    """What a login on host ``number`` has in its environment beyond what every login has."""
    directories = [str(Path(found).parent) for name in ("sbatch", "tmux") if (found := shutil.which(name))]
    return {
        "HOME": str(layout.home),
        "PATH": ":".join(dict.fromkeys((str(layout.front), *_LOGIN_PATH, *directories))),
        "SLURM_CONF": str(layout.slurm_conf),
        "TMUX_TMPDIR": str(layout.tmux / f"login{number}"),
        MARKER: str(layout.directory),
    }


def key_path(layout: Layout) -> Path:
    return layout.ssh / "id_ed25519"


def host_key_path(layout: Layout, number: int) -> Path:
    return layout.ssh / f"host{number}_ed25519"


def make_keys(layout: Layout, options: LabOptions) -> None:
    """Generate the user's key and one host key for each login host. Raises LabError."""
    keygen = install.require("ssh-keygen")
    paths = [key_path(layout), *(host_key_path(layout, number + 1) for number in range(options.logins))]
    running = [
        (
            path,
            subprocess.Popen(
                [
                    keygen,
                    "-q",
                    "-t",
                    "ed25519",
                    "-N",
                    "",
                    "-C",
                    f"{options.name} (sactui lab)",
                    "-f",
                    str(path),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            ),
        )
        for path in paths
    ]
    for path, process in running:
        said, _ = process.communicate()
        if process.returncode != 0:
            raise LabError(f"ssh-keygen could not make {path}: {said.strip()}")
    shutil.copyfile(key_path(layout).with_suffix(".pub"), layout.ssh / "authorized_keys")


def known_host(layout: Layout, number: int, port: int) -> str:
    """The line of known_hosts for login host ``number`` when it answers on ``port``."""
    kind, key = host_key_path(layout, number).with_suffix(".pub").read_text().split()[:2]
    return f"[127.0.0.1]:{port} {kind} {key}\n"


def sshd_config(layout: Layout, options: LabOptions, ports: Ports, number: int) -> str:
    """sshd_config of login host ``number``.

    ``SetEnv`` overrides even HOME, but sshd still begins in the user's real home
    directory, where jobs would leave their output. Most shells can be led away from
    there by the files they read; for others a ForceCommand does it, under which sshd
    refuses to deliver signals. All variables are on one line because sshd takes only
    the first ``SetEnv``.
    """
    extra = {_ENTER: "1", "BASH_ENV": f"{layout.ssh}/enter.bash"} if _goes_home(login_shell()) else {}
    given = {**login_environment(layout, number), **extra}
    variables = " ".join(f"{name}={value}" for name, value in given.items())
    lines = [
        f"Port {ports.login(number)}",
        "ListenAddress 127.0.0.1",
        f"HostKey {host_key_path(layout, number)}",
        f"AuthorizedKeysFile {layout.ssh}/authorized_keys",
        f"AllowUsers {user_name()}",
        "PermitRootLogin prohibit-password",
        "PubkeyAuthentication yes",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "UsePAM no",
        "UseDNS no",
        "PidFile none",
        "PrintMotd no",
        "PrintLastLog no",
        # The keys lie below /tmp, which is writable by all (and sticky).
        "StrictModes no",
        "AllowAgentForwarding no",
        "AllowTcpForwarding no",
        "X11Forwarding no",
        "AcceptEnv LANG LC_*",
        f"MaxSessions {options.max_sessions}",
        "MaxStartups 100",
        "PerSourcePenalties no" if _has_penalties() else "",
        f"SetEnv {variables}",
    ]
    if not extra:
        lines.append(f"ForceCommand {layout.ssh}/enter.sh")
    if (server := sftp_server()) is not None:
        lines.append(f"Subsystem sftp {server}")
    return "\n".join(line for line in lines if line) + "\n"


def _has_penalties() -> bool:
    """Whether sshd (9.8 and later) locks out a source that fails often, as tests do on purpose."""
    said = subprocess.run([install.require("ssh"), "-V"], capture_output=True, text=True, check=False)
    digits = said.stderr.partition("OpenSSH_")[2].partition(",")[0].split("p")[0].split(".")
    try:
        return (int(digits[0]), int(digits[1])) >= (9, 8)
    except (ValueError, IndexError):
        return False


def enter_script(layout: Layout) -> str:
    """The ForceCommand for shells that read no file of the lab: the asked-for command, from its home."""
    shell = shlex.quote(login_shell())
    return f"""#!/bin/sh
cd {layout.home} || exit 1
command=${{SSH_ORIGINAL_COMMAND-}}
if [ -n "${{SSH_ORIGINAL_COMMAND+x}}" ]; then
    unset SSH_ORIGINAL_COMMAND
    exec {shell} -c "$command"
fi
exec {shell} -l
"""


def startup_files(layout: Layout) -> dict[Path, str]:
    """Files that shells read when sshd starts them, by which they go to the lab's home.

    They act once, under the variable that only sshd sets; later shells stay where they are.
    """
    front = layout.front
    posix = (
        f'if [ -n "${{{_ENTER}-}}" ]; then unset {_ENTER} BASH_ENV; cd; fi\n'
        # A system's profile sets PATH anew.
        f'case ":$PATH:" in *:{front}:*) ;; *) PATH="{front}:$PATH"; export PATH ;; esac\n'
    )
    return {
        # Which of the three bash reads depends on how it was built and called.
        layout.home / ".bash_profile": posix,
        layout.home / ".profile": posix,
        layout.home / ".bashrc": posix,
        layout.ssh / "enter.bash": posix,
        layout.home / ".zshenv": posix,
        layout.home / ".cshrc": f"if ($?{_ENTER}) then\nunsetenv {_ENTER}\nunsetenv BASH_ENV\ncd\nendif\n"
        f"setenv PATH {front}:$PATH\n",
        layout.home
        / ".config/fish/config.fish": f"if set -q {_ENTER}\nset -e {_ENTER}\nset -e BASH_ENV\ncd\nend\n"
        f"set -gx PATH {front} $PATH\n",
    }


def _goes_home(shell: str) -> bool:
    """Whether this shell reads one of :func:`startup_files` even for a single command."""
    return os.path.basename(shell) in ("bash", "zsh", "fish", "tcsh", "csh")


def ssh_config(layout: Layout, options: LabOptions, ports: Ports) -> str:
    """ssh_config with one alias for each login host; the proxy's is included while it runs."""
    lines = [f"Include {layout.proxy_config}"]
    for number, alias in enumerate(options.aliases, start=1):
        lines += host_block(layout, alias, ports.login(number), layout.ssh / "known_hosts")
    return "\n".join(lines) + "\n"


def host_block(layout: Layout, alias: str, port: int, known_hosts: Path) -> list[str]:
    return [
        f"Host {alias}",
        "    HostName 127.0.0.1",
        f"    Port {port}",
        f"    User {user_name()}",
        f"    IdentityFile {key_path(layout)}",
        "    IdentitiesOnly yes",
        "    IdentityAgent none",
        f"    UserKnownHostsFile {known_hosts}",
        "    GlobalKnownHostsFile /dev/null",
        "    StrictHostKeyChecking yes",
    ]


def write(layout: Layout, options: LabOptions, ports: Ports) -> None:
    """Write keys and configurations of all login hosts. Raises LabError, OSError."""
    make_keys(layout, options)
    known = []
    for number in range(1, options.logins + 1):
        (layout.tmux / f"login{number}").mkdir(mode=0o700, exist_ok=True)
        (layout.ssh / f"sshd{number}.conf").write_text(sshd_config(layout, options, ports, number))
        known.append(known_host(layout, number, ports.login(number)))
    (layout.ssh / "known_hosts").write_text("".join(known))
    layout.ssh_config.write_text(ssh_config(layout, options, ports))
    enter = layout.ssh / "enter.sh"
    enter.write_text(enter_script(layout))
    enter.chmod(0o700)
    for path, text in startup_files(layout).items():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(text)
    if os.geteuid() == 0:
        # A root sshd will not start without it, and only the system's own service makes it.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
