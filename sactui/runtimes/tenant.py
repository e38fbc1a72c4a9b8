"""``runtime: slurm-tenant``: an agent as a tmux session inside a reservation.

Pure: a launch in, the exact scripts out. The scripts run inside the allocation, in
one exchange each, and print ``key value`` lines that :func:`outcome` reads.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..errors import Refused
from ..spec.definition import Startup
from . import startup

#: Variables of a step or of the job's own size. An agent that inherits them starts its
#: own srun and sbatch with requests it never made.
_NOT_INHERITED = (
    "SLURM_STEP_",
    "SLURM_STEPID",
    "SLURM_MEM_",
    "SLURM_CPUS_",
    "SLURM_NTASKS",
    "SLURM_TRES_",
    "SRUN_",
)

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\$")


@dataclass(frozen=True, slots=True)
class Launch:
    """Everything needed to start one agent inside an allocation.

    ``~`` and ``${VAR}`` in ``work_dir`` and ``environment`` mean the node's; ``argv`` is
    passed as it is, word for word.
    """

    name: str
    argv: tuple[str, ...]
    work_dir: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    columns: int = 160
    rows: int = 48
    #: what it is told once it is ready
    startup: Startup = field(default_factory=Startup)


def session(name: str) -> str:
    """The tmux session of an agent. tmux rewrites ``.`` and ``:``, so they are refused."""
    if not _NAME.fullmatch(name):
        raise Refused(
            f"agent name {name!r} cannot be a tmux session",
            "use letters, digits, - and _ only: rename the directory of the definition",
        )
    return f"sac-{name}"


def node_text(text: str) -> str:
    """``text`` as a double-quoted shell word in which only ``~/`` at the start and
    ``${VAR}`` are expanded, by the node. ``$$`` stands for a single ``$``."""
    out = ['"']
    if text == "~" or text.startswith("~/"):
        out.append("${HOME}")
        text = text[1:]
    position = 0
    for match in _REFERENCE.finditer(text):
        out.append(_inert(text[position : match.start()]))
        out.append(f"${{{match.group(1)}}}" if match.group(1) else "\\$")
        position = match.end()
    out.append(_inert(text[position:]))
    out.append('"')
    return "".join(out)


def _inert(text: str) -> str:
    return re.sub(r'([\\"$`])', r"\\\1", text)


def launcher(launch: Launch) -> str:
    """The text of the 0600 file that becomes the agent.

    It deletes itself first: the environment, which may hold secrets, is neither in an
    argument list nor left on a disk.
    """
    lines = ['rm -f -- "$0"']
    prefixes = "|".join(f"{prefix}*" for prefix in _NOT_INHERITED)
    lines.append(
        "for v in $(env | sed -n 's/^\\([A-Za-z_][A-Za-z0-9_]*\\)=.*/\\1/p'); do "
        f'case "$v" in {prefixes}) unset "$v" ;; esac; done'
    )
    for key, value in launch.environment.items():
        if not _VARIABLE.fullmatch(key):
            raise Refused(
                f"agent {launch.name}: {key!r} is not a name of an environment variable", "mend spec.env"
            )
        lines.append(f"export {key}={node_text(value)}")
    if launch.work_dir:
        directory = node_text(launch.work_dir)
        lines.append(f"mkdir -p -- {directory} && cd -- {directory} || exit 126")
    lines.append(f"exec {shlex.join(launch.argv)}")
    return "\n".join(lines) + "\n"


def start_script(launches: Sequence[Launch], socket: str, token: str) -> str:
    """One exchange that starts all ``launches`` on the server ``socket``.

    ``token`` is random per call: it names the files and ends the here-documents.
    """
    lines = [
        f'T() {{ tmux -u -L {shlex.quote(socket)} "$@"; }}',
        'd="$HOME/.sactui/run"; (umask 077; mkdir -p "$d")',
    ]
    for index, launch in enumerate(launches):
        name = session(launch.name)
        lines += [
            # A dead pane is kept for its last screen; a new start replaces it.
            # Without the colon tmux takes a name for a prefix here.
            f"alive=$(T list-panes -s -t '={name}:' -F '#{{pane_dead}}' 2>/dev/null)",
            'case "$alive" in *0*) echo "there ' + launch.name + '" ;; *)',
            f"[ -n \"$alive\" ] && T kill-session -t '={name}'",
            f'f="$d/{token}-{index}"',
            f"(umask 077; cat >\"$f\" <<'{token}_END'",
            launcher(launch) + f"{token}_END",
            ")",
            "pane=$(T new-session -d -P -F '#{pane_id}' "
            f"-s '{name}' -x {launch.columns} -y {launch.rows} \"exec /bin/sh '$f'\" 2>&1) && "
            f'T set-option -p -t "$pane" @sactui_agent {shlex.quote(launch.name)} && '
            f'echo "started {launch.name} $pane" || {{ rm -f "$f"; echo "failed {launch.name} $pane"; }}',
            *_told(launch, socket, f"{token}_END"),
            ";; esac",
        ]
    return "\n".join(lines) + "\n"


def _told(launch: Launch, socket: str, end: str) -> list[str]:
    """Lines that let the server tell the agent its first words once it is ready."""
    if not startup.wanted(launch.startup):
        return []
    return [
        f"(umask 077; cat >\"$f.say\" <<'{end}'",
        startup.script(launch.startup) + end,
        ")",
        f'case "$pane" in %*) T run-shell -b "exec /bin/sh \'$f.say\' $pane {shlex.quote(socket)}" ;; '
        '*) rm -f "$f.say" ;; esac',
    ]


def stop_script(names: Sequence[str], socket: str) -> str:
    """One exchange that ends exactly these sessions, and no other."""
    lines = [f'T() {{ tmux -u -L {shlex.quote(socket)} "$@"; }}']
    for name in names:
        target = session(name)
        lines.append(
            f"if T has-session -t '={target}' 2>/dev/null; then "
            f"T kill-session -t '={target}' && echo 'stopped {name}' || echo 'failed {name} kill-session'; "
            f"else echo 'absent {name}'; fi"
        )
    return "\n".join(lines) + "\n"


def outcome(text: str) -> dict[str, tuple[str, str]]:
    """Read the answer of a start or stop: name -> (word, rest of the line)."""
    found: dict[str, tuple[str, str]] = {}
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        if word in ("started", "there", "failed", "stopped", "absent"):
            name, _, detail = rest.partition(" ")
            found[name] = (word, detail.strip())
    return found


def attach_argv(name: str, socket: str, token: str = "") -> list[str]:
    """The argv that attaches a terminal to an agent, on its node.

    With ``token`` the terminal's name is kept in the server under it, so that
    :func:`detach_script` finds exactly this client again.
    """
    attach = ["tmux", "-u", "-L", socket, "attach-session", "-t", f"={session(name)}"]
    if not token:
        return attach
    keep = f'{shlex.join(attach[:4])} set-option -g @sactui_tty_{token} "$(tty)"'
    return ["sh", "-c", f"{keep}; exec {shlex.join(attach)}"]


def detach_script(socket: str, token: str) -> str:
    """Detach the client that was attached with ``token``, and no other.

    A client does not always end with its step (proctrack/linuxproc), nor with the link.
    """
    option = f"@sactui_tty_{token}"
    return f"""T() {{ tmux -u -L {shlex.quote(socket)} "$@"; }}
client=$(T show-options -gqv {option})
[ -n "$client" ] && T detach-client -t "$client" 2>/dev/null
T set-option -gu {option}
"""


def logs_script(name: str, socket: str, lines: int) -> str:
    """Print the visible screen and ``lines`` lines of history of an agent's pane."""
    return (
        shlex.join(
            ["tmux", "-u", "-L", socket, "capture-pane", "-p", "-t", f"={session(name)}:", "-S", f"-{lines}"]
        )
        + "\n"
    )
