"""The text of a reservation's batch script, in POSIX shell: any /bin/sh of a node runs it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

#: Seconds between two looks of ``_root`` at the batch shell; see ``_ROOT``.
_WATCH = 2

#: The session that keeps the server alive, and ends it when the batch shell dies
#: unannounced (a node failure ends the shell with SIGKILL, and no trap runs). By its pid:
#: by its socket it could hit the server of the same job's next life.
_ROOT = (
    "trap '' USR1; while kill -0 \"$SACTUI_BATCH_PID\" 2>/dev/null; do sleep "
    f'{_WATCH}; done; p=${{TMUX#*,}}; exec kill "${{p%%,*}}"'
)

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

#: What the setup has made of these is kept for the steps that look into the allocation:
#: there is no tmux for them either when it comes from a module.
_KEPT = "PATH LD_LIBRARY_PATH MODULEPATH LOADEDMODULES VIRTUAL_ENV"

#: The program of a step in the allocation: sh, with what the setup has set.
STEP_PROGRAM = (
    "sh",
    "-c",
    '[ -r "$HOME/.sactui/run/$SLURM_JOB_ID.env" ] && . "$HOME/.sactui/run/$SLURM_JOB_ID.env"; exec sh "$@"',
    "sh",
)


#: How the line of a script begins that says how it was booked.
BOOKED = "# booked: "


def in_step(argv: Sequence[str]) -> list[str]:
    """A program of a step in the allocation, with what the setup has set."""
    return [*STEP_PROGRAM, "-c", 'exec "$@"', "sh", *argv]


def script(
    name: str,
    uuid: str,
    prefix: str,
    *,
    setup: str,
    hold_body: str,
    successor: str,
    booked: str = "{}",
    launch: str = "",
) -> str:
    """The whole script. ``successor`` is :func:`successor`'s text, or empty; ``booked`` is JSON;
    ``launch`` is shell text that runs once the server is there.

    dash runs a trap only between two commands, so what takes long is waited for in the
    background: ``wait`` returns at a signal.
    """
    server = "; ".join("T " + shlex.join(option) for option in SERVER_OPTIONS)
    return f"""#!/bin/sh
# sactui reservation {" ".join(name.split())}: holds an allocation for tenants. Ends with scancel.
{BOOKED}{booked}
began=$(date +%s) generation=${{1:-1}} uuid={shlex.quote(uuid)} me=$SLURM_JOB_ID
export SACTUI_RESERVATION={shlex.quote(name)} SACTUI_UUID="$uuid"
export SACTUI_BATCH_PID=$$ LC_CTYPE="${{LC_CTYPE:-C.UTF-8}}"
ending= want= submitting= keeper= tried=
trap 'ending=1' TERM
trap 'want=1' USR1
trap '' HUP
umask 077
run="$HOME/.sactui/run"; mkdir -p "$run"
# What sbatch was told to export is not what the agents' own sbatch and srun should get.
unset SLURM_EXPORT_ENV
{setup.rstrip(chr(10))}
sock={shlex.quote(prefix)}-$SLURM_JOB_ID
T() {{ tmux -u -L "$sock" "$@"; }}
say() {{ echo "sactui: $*"; T set-option -g @sactui_said "$*" 2>/dev/null; }}
owner() {{ T show-environment -g SLURM_JOB_ID 2>/dev/null; }}
answered() {{ sed -n 's/^\\([0-9][0-9]*\\).*/\\1/p' "$run/$uuid.$me/answer" 2>/dev/null | tail -n 1; }}
finish() {{
  ending=1
  trap '' TERM USR1 HUP
  # Ended in the middle of a submission: a reservation that ends has no successor.
  [ -n "$submitting" ] && heir=$(answered) && [ -n "$heir" ] && scancel "$heir"
  # Another job may have taken the socket's name over: only our own server is ended.
  [ "$(owner)" = "SLURM_JOB_ID=$SLURM_JOB_ID" ] && T kill-server
  [ -n "$keeper" ] && kill "$keeper" 2>/dev/null
  rm -f "$run/$me.env"
  exit 0
}}
if ! command -v tmux >/dev/null 2>&1; then
  where=${{SLURMD_NODENAME:-the node}}
  echo "sactui: tmux: not found on $where; put 'module load tmux' into the setup of the reservation" >&2
  exit 127
fi
for v in {_KEPT}; do
  eval "x=\\${{$v-}}"
  [ -n "$x" ] && printf "export %s='%s'\\n" "$v" "$(printf %s "$x" | sed "s/'/'\\\\\\\\''/g")"
done >"$run/$me.env"
{_LEAVE if successor else ""}# What an earlier life of this very job has left behind would be taken for ours.
tries=0
while [ "$(owner)" = "SLURM_JOB_ID=$me" ] && [ $tries -lt 50 ]; do
  T kill-server; sleep 0.1; tries=$((tries + 1))
done
root={shlex.quote(_ROOT)}
tries=0
# A server of an earlier life that is ending takes the call, and goes.
until T -f /dev/null new-session -d -s _root -x 200 -y 50 "$root"; do
  tries=$((tries + 1))
  [ $tries -lt 50 ] || exit 1
  sleep 0.1
done
{server}
report="node ${{SLURMD_NODENAME:-$(hostname)}}
tmux $(command -v tmux)
version $(tmux -V)
claude $(command -v claude)
locale ${{LC_ALL:-${{LC_CTYPE:-${{LANG:-C}}}}}}
proxy $(printf %s "${{https_proxy:-${{HTTPS_PROXY:-}}}}" | sed 's#//[^@/]*@#//#')
generation $generation"
T set-option -g @sactui_report "$report"
echo "$report"
# A file system that does not answer must not hold up the report.
(
  trap '' USR1 HUP
  free() {{ df -Pk "$2" 2>/dev/null | awk -v w="$1" 'NR==2 {{ print w, int($4/1024) }}'; }}
  space=$(free home "$HOME"; free work "${{SLURM_SUBMIT_DIR:-$PWD}}"; free tmp "${{TMPDIR:-/tmp}}")
  T set-option -g @sactui_space "$space"
) </dev/null >/dev/null 2>&1 &
trap finish TERM
[ -n "$ending" ] && finish
{launch and launch + chr(10)}{successor}hold() {{
  trap '' USR1 HUP
  trap - TERM
{hold_body.rstrip(chr(10)) or "  exec sleep 30"}
}}
{_KEEP_BODY if hold_body.strip() else _KEEP}"""


_KEEP = """while :; do
  [ -n "$want" ] && successor
  hold & keeper=$!
  wait "$keeper"
  kill "$keeper" 2>/dev/null
done
"""

_KEEP_BODY = """hold & keeper=$!
while kill -0 "$keeper" 2>/dev/null; do
  [ -n "$want" ] && successor
  wait "$keeper"
done
finish
"""

#: A requeued job whose successor is there has nothing left to do.
_LEAVE = """if [ -s "$run/$uuid.$me/id" ]; then
  heir=$(cat "$run/$uuid.$me/id")
  case "$(squeue -h -j "$heir" -o %T 2>/dev/null)" in
    PENDING|RUNNING|CONFIGURING) echo "sactui: requeued, but its successor $heir is there: leaving"; exit 0 ;;
  esac
  rm -rf "$run/$uuid.$me"
fi
"""


def successor(command: str, lead: int, least_life: int, generations: int, until: int) -> str:
    """The part that submits the successor: once per life, and never when it must not.

    ``command`` is shell text of the sbatch command with ``"$next"`` for the generation.
    After an answer that was lost it looks before it submits again.
    """
    return f"""LEAD={lead} LEAST_LIFE={least_life} GENERATIONS={generations} UNTIL={until}
slurm() {{
  (
    for v in $(env | LC_ALL=C sed -n 's/^\\(S[A-Z]*_[A-Za-z0-9_]*\\)=.*/\\1/p'); do
      case "$v" in SLURM_CONF|SLURM_JWT) ;; SLURM_*|SBATCH_*|SQUEUE_*|SCANCEL_*) unset "$v" ;; esac
    done
    unset TMUX TMUX_PANE SACTUI_BATCH_PID SACTUI_RESERVATION SACTUI_UUID
    cd "$HOME" && eval "$1"
  )
}}
successor() {{
  want=
  [ -n "$ending" ] && return
  if [ -s "$run/$uuid.$me/id" ]; then
    say "no second successor: job $(cat "$run/$uuid.$me/id") was submitted"; return
  fi
  age=$(($(date +%s) - began)) next=$((generation + 1)) no=
  if [ -e "$run/$uuid.released" ]; then no="the reservation is being released"
  elif [ "$next" -gt "$GENERATIONS" ]; then no="generation $generation of $GENERATIONS is the last"
  elif [ $age -lt "$LEAST_LIFE" ]; then no="this job has lived $age s, less than $LEAST_LIFE"
  else
    times=$(slurm "SLURM_TIME_FORMAT=%s squeue -h -j $me -o '%S %e'" 2>/dev/null)
    start=${{times%% *}} end=${{times##* }}
    case "$start$end" in ''|*[!0-9]*) want=1; return ;; esac
    wall=$((end - start))
    if [ $((LEAD * 2)) -ge $wall ]; then no="the lead of $LEAD s is not below half of $wall s"
    elif [ "$UNTIL" -gt 0 ] && [ "$end" -ge "$UNTIL" ]; then no="the end date of the reservation comes first"
    fi
  fi
  if [ -n "$no" ]; then say "no successor: $no"; return; fi
  if ! mkdir "$run/$uuid.$me" 2>/dev/null; then
    [ -n "$tried" ] || {{ say "no second successor of one job"; return; }}
    # The answer to the last try was lost: it is looked for before it is tried again.
    seen=$(slurm 'squeue -h -u "$(id -un)" -o "%A %k"' 2>/dev/null) || {{ want=1; return; }}
    id=$(printf '%s\\n' "$seen" | sed -n "s/^\\([0-9]*\\) .*:$uuid:$next\\$/\\1/p" | head -n 1)
    [ -n "$id" ] && {{ echo "$id" >"$run/$uuid.$me/id"; say "successor $id"; return; }}
  fi
  tried=1 submitting=1
  slurm {shlex.quote(command + ' "$next"')} >"$run/$uuid.$me/answer" 2>"$run/$uuid.$me/error"
  answered >"$run/$uuid.$me/id"
  if [ -s "$run/$uuid.$me/id" ]; then say "successor $(cat "$run/$uuid.$me/id")"
  else say "no successor yet: $(head -c 200 "$run/$uuid.$me/error" | tr '\\n' ' ')"; want=1
  fi
  submitting=
}}
"""
