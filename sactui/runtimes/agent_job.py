"""``runtime: slurm``: an agent with a job of its own.

The job is a reservation of one: the same batch script, with the same tmux server, guards
and successors (:mod:`.hold_script`); it sources the agent's hooks first, and starts the
agent's session by itself, so that nobody has to be there when the queue lets it run.
Pure: a definition in, booking options and the exact texts out.
"""

from __future__ import annotations

import re
import shlex

from ..errors import Refused
from ..slurm import values
from ..spec.definition import AgentDefinition
from . import hold, tenant

_SIGNAL = re.compile(r"(?:B:)?(?:SIG)?USR1@([0-9]{1,6})")
_DIRECTIVE = re.compile(r"#SBATCH\s+--([a-z][a-z-]{1,40})=(\S.*)")


def options(definition: AgentDefinition) -> hold.HoldOptions:
    """What the agent's job asks of Slurm. Raises Refused for what cannot be asked for."""
    slurm = definition.slurm
    extra: list[tuple[str, str]] = []
    if slurm.gres:
        extra.append(("gres", slurm.gres))
    if slurm.ntasks != 1:
        extra.append(("ntasks", str(slurm.ntasks)))
    for line in slurm.extra_directives:
        found = _DIRECTIVE.fullmatch(line.strip())
        if not found:
            raise Refused(
                f"{definition.name}: {line!r} cannot be passed on", "write it as: '#SBATCH --option=value'"
            )
        extra.append((found[1], found[2].strip()))
    lead = _SIGNAL.fullmatch(slurm.signal)
    wanted = hold.HoldOptions(
        partition=slurm.partition,
        cpus=slurm.cpus_per_task,
        memory=slurm.mem if not slurm.mem.isdigit() else f"{slurm.mem}M",
        time=slurm.time_limit,
        nodes=slurm.nodes,
        options=tuple(extra),
        setup=_setup(definition),
        persistent=slurm.auto_resubmit,
        lead=int(lead[1]) if lead else hold.LEAD,
        launch=_launch(definition),
    )
    if hold.no_successor(wanted, values.duration(slurm.time_limit)):
        # Too short for a successor: it would be due in the first half of its time.
        return hold.without_successor(wanted)
    return wanted


def hooks(definition: AgentDefinition) -> tuple[str, ...]:
    """The files that are sourced in the job, in their order; ``~`` is the cluster's."""
    found = definition.slurm.hooks
    return tuple(path for path in (found.pre_submit, found.pre_agent) if path)


def missing_script(paths: tuple[str, ...]) -> str:
    """A script that prints each of the files that cannot be read on the host."""
    return "\n".join(f"[ -r {tenant.node_text(p)} ] || printf '%s\\n' {shlex.quote(p)}" for p in paths) + "\n"


def launcher_path(uuid: str) -> str:
    """The 0600 file that becomes the agent, in each of its jobs; below the home directory."""
    return f"{hold.RUN}/{uuid}.agent"


def startup_path(uuid: str) -> str:
    """The 0600 file with what the agent is told once it is ready; below the home directory."""
    return f"{hold.RUN}/{uuid}.say"


def launcher(definition: AgentDefinition, launch: tenant.Launch) -> str:
    """The text of that file. It stays: a successor of the job starts the agent from it again."""
    text = tenant.launcher(launch).removeprefix('rm -f -- "$0"\n')
    after = definition.slurm.hooks.post_agent
    if not after:
        return text
    # What follows the agent can only run when the shell outlives it.
    head, _, program = text.rpartition("\nexec ")
    return f"{head}\n{program.rstrip()}\nstatus=$?\n. {tenant.node_text(after)}\nexit $status\n"


def _setup(definition: AgentDefinition) -> str:
    """Hooks are sourced, not run: what they set holds for the server, and so for the agent."""
    lines = []
    for path in hooks(definition):
        word = tenant.node_text(path)
        lines += [
            f"[ -r {word} ] || {{ echo {shlex.quote(f'sactui: hook {path} is not there')} >&2; exit 66; }}",
            "export SAC_AGENT_ID=" + shlex.quote(definition.name) + ' SAC_JOB_ID="$SLURM_JOB_ID"',
            f". {word}",
        ]
    return "\n".join(lines)


def _launch(definition: AgentDefinition) -> str:
    """Shell text of the batch script that starts the agent's session on the job's own server."""
    name = tenant.session(definition.name)
    logs = tenant.node_text(definition.slurm.logs_dir or "~/slurm_logs")
    heartbeat = definition.slurm.heartbeat
    lines = [
        f'logs={logs}; mkdir -p -- "$logs"; log="$logs/{definition.name}_$me.out"',
        f'pane=$(T new-session -d -P -F "#{{pane_id}}" -s {name} -x 160 -y 48 '
        '"tmux wait-for sactui_go; exec /bin/sh \\"\\$HOME/.sactui/run/$uuid.agent\\"") || exit 1',
        f'T set-option -p -t "$pane" @sactui_agent {shlex.quote(definition.name)}',
        # What it is told; the file deletes itself, so each of its jobs has a copy.
        'say="$HOME/.sactui/run/$uuid.say"',
        '[ ! -r "$say" ] || { cp "$say" "$say.$me" && '
        "T run-shell -b \"exec /bin/sh '$say.$me' $pane $sock\"; }",
        # The screen's output as it comes: what is left of an agent when its job is over.
        'T pipe-pane -t "$pane" "exec cat >>\'$(printf %s "$log" | tr -d "\'")\'"',
    ]
    # Not before its first word can be kept.
    lines.append("T wait-for -S sactui_go")
    if heartbeat.command:
        target = tenant.node_text(heartbeat.log_file) if heartbeat.log_file else '"$logs/$me.heartbeat.log"'
        lines.append(
            f"( trap '' USR1 HUP; while kill -0 $SACTUI_BATCH_PID 2>/dev/null; do "
            f"eval {shlex.quote(heartbeat.command)}; sleep {heartbeat.interval_s}; done "
            f") </dev/null >>{target} 2>&1 &"
        )
    return "\n".join(lines)
