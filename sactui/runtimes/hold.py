"""The reservation: a batch job that only holds an allocation, with a tmux server in it.

The tmux server belongs to the batch script, never to a step: a server started from
a step dies with the step. Its socket is ``<prefix>-<job id>``, so that two jobs on one
node can never share a server, and the script ends it only when it is really its own.
Everything here is pure: options in, exact text and argv out.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field

#: Seconds between two looks of ``_root`` at the batch shell; see ``_ROOT``.
_WATCH = 2

#: The session that keeps the server alive, and ends it when the batch shell dies
#: unannounced (a node failure ends the shell with SIGKILL, and no trap runs).
_ROOT = f'while kill -0 "$SACTUI_BATCH_PID" 2>/dev/null; do sleep {_WATCH}; done; exec tmux kill-server'

#: Options of the server. The socket is ours alone, so an unconditional detach key
#: cannot take a key away from a person's own tmux.
SERVER_OPTIONS: tuple[tuple[str, ...], ...] = (
    ("set-option", "-s", "exit-empty", "off"),
    ("set-option", "-s", "escape-time", "10"),
    ("set-option", "-g", "remain-on-exit", "on"),
    ("set-option", "-g", "history-limit", "20000"),
    ("set-option", "-g", "default-terminal", "screen-256color"),
    ("set-option", "-g", "mouse", "on"),
    ("set-option", "-g", "status-right", ""),
    ("set-option", "-g", "status-left-length", "60"),
    ("set-option", "-g", "status-left", "#{session_name}  ctrl+q leaves  "),
    ("set-option", "-g", "window-status-format", ""),
    ("set-option", "-g", "window-status-current-format", ""),
    ("bind-key", "-n", "C-q", "detach-client"),
)


@dataclass(frozen=True, slots=True)
class HoldOptions:
    """What a reservation asks of Slurm; empty means "the site's default"."""

    partition: str = ""
    cpus: int = 1
    memory: str = ""
    time: str = ""
    gpus: str = ""
    account: str = ""
    qos: str = ""
    nodes: int = 1
    node_list: str = ""
    constraint: str = ""
    options: tuple[tuple[str, str], ...] = field(default=())
    tmux_prefix: str = "sac"
    setup: str = ""  # shell text that runs first in the job and in every channel
    hold_body: str = ""  # shell text that replaces the waiting at the end


def mark(kind: str, host: str, name: str, uuid: str, generation: int = 1) -> str:
    """The text in a job's comment by which sactui knows it again."""
    return f"sactui:{kind}:{host}-{name}:{uuid}:{generation}"


def script_name(name: str, uuid: str) -> str:
    """File name of the batch script: accounting keeps it (SubmitLine) when comments vanish."""
    return f"{name}-{uuid}.sh"


def socket(prefix: str, job_id: int) -> str:
    """Name of the tmux socket (``tmux -L``) of one job."""
    return f"{prefix}-{job_id}"


def batch_script(name: str, uuid: str, options: HoldOptions) -> str:
    """The batch script of a reservation.

    It starts the tmux server, reports what agents will find on the node, and waits. A
    TERM (cancel, requeue, preemption, time limit) ends this job's own server only.
    """
    server = "; ".join("T " + shlex.join(option) for option in SERVER_OPTIONS)
    hold = options.hold_body.rstrip("\n") or _WAIT
    setup = options.setup.rstrip("\n")
    return f"""#!/bin/sh
# sactui reservation {name}: holds an allocation for tenants. Ends with scancel.
export SACTUI_RESERVATION={shlex.quote(name)} SACTUI_UUID={shlex.quote(uuid)}
export SACTUI_BATCH_PID=$$ LC_CTYPE="${{LC_CTYPE:-C.UTF-8}}"
umask 077
# What sbatch was told to export is not what the agents' own sbatch and srun should get.
unset SLURM_EXPORT_ENV
{setup}
sock={shlex.quote(options.tmux_prefix)}-$SLURM_JOB_ID
T() {{ tmux -u -L "$sock" "$@"; }}
owner() {{ T show-environment -g SLURM_JOB_ID 2>/dev/null; }}
finish() {{
  trap '' TERM USR1 HUP
  # Another job may have taken the socket's name over: only our own server is ended.
  [ "$(owner)" = "SLURM_JOB_ID=$SLURM_JOB_ID" ] && T kill-server
  [ -n "$sleeper" ] && kill "$sleeper" 2>/dev/null
  exit 0
}}
trap finish TERM
trap '' HUP USR1
if ! command -v tmux >/dev/null 2>&1; then
  echo "sactui: tmux: not found on $(hostname); put 'module load tmux' into the setup of the reservation" >&2
  exit 127
fi
T -f /dev/null new-session -d -s _root -x 200 -y 50 {shlex.quote(_ROOT)} || exit 1
{server}
echo "sactui: node $(hostname) tmux $(command -v tmux) $(tmux -V) socket $sock"
echo "sactui: claude $(command -v claude || echo none) proxy ${{https_proxy:-none}}"
echo "sactui: locale ${{LC_ALL:-${{LC_CTYPE:-${{LANG:-C}}}}}}"
{hold}
"""


_WAIT = """while :; do
  (trap '' USR1 HUP; exec sleep 60) & sleeper=$!
  wait "$sleeper"
  kill "$sleeper" 2>/dev/null
done"""
