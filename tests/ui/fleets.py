"""Made-up fleets for screens: the clock stands at :data:`NOW`."""

from __future__ import annotations

from dataclasses import replace

from sactui.domain.details import Details, Part
from sactui.domain.fleet import Agent, Evidence, Fleet, HostView, Problem, Reservation, Trouble, Verdict
from sactui.domain.job import Job
from sactui.domain.pane import Pane
from sactui.domain.state import AgentState, Link, Phase

#: Sat 2026-11-21 19:02:11 UTC.
NOW = 1795287731.0

_ASKS = """\
⏺ Bash(make clean)
  ⎿  removed 41 files

 Bash command

   rm -rf build/

 Do you want to proceed?
 ❯ 1. Yes
   2. Yes, and don't ask again for rm commands
   3. No, and tell Claude what to do differently (esc)
"""


def job(job_id: int, name: str, phase: Phase = Phase.RUNNING, **changes: object) -> Job:
    """A job of the user ``ada``."""
    states = {Phase.RUNNING: "RUNNING", Phase.PENDING: "PENDING", Phase.ERROR: "FAILED"}
    base = Job(
        id=job_id,
        name=name,
        user="ada",
        state=states[phase],
        phase=phase,
        partition="cascade",
        nodes=1,
        node_list="bm021" if phase is Phase.RUNNING else "",
        batch_host="bm021" if phase is Phase.RUNNING else "",
        cpus=8,
        memory_mib=32 * 1024,
        time_limit=14400,
        elapsed=11880,
        submitted_at=NOW - 12000,
        started_at=NOW - 11880,
        ends_at=NOW + 2520,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def agent(name: str, state: AgentState, why: str = "", ago: float = 60, **changes: object) -> Agent:
    """An agent of ``dev-pool``."""
    chain = (
        Evidence("slurm", "job 4711 running on bm021", NOW - 1),
        Evidence("tmux", "pane %4 alive", NOW - 1),
        Evidence("screen", f"rule claude/{state}", NOW - 1),
    )
    alive = state.alive
    base = Agent(
        name=name,
        runtime="slurm-tenant",
        host="spartan",
        reservation="dev-pool",
        model="opus",
        verdict=Verdict(state, why, NOW - ago, "screen", chain),
        path=f"/agents/{name}/{name}.yaml",
        node="bm021" if alive else "",
        job_id=4711,
        pane=Pane(f"sac-{name}", "%4", pid=41, command="claude", width=160, height=48) if alive else None,
        last_line="Noodling… (12s)" if state is AgentState.WORKING else "",
        screen=_ASKS if state is AgentState.ASKING else "⏺ All tests pass now.\n",
        observed_at=NOW - 1,
        source="definition",
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def reservation(name: str = "dev-pool", job_: Job | None = None, **changes: object) -> Reservation:
    """A running reservation on spartan."""
    held = job_ or job(4711, name)
    base = Reservation(
        name=name,
        host="spartan",
        lease_id=f"spartan-{name}",
        job_id=held.id,
        tmux_server=f"sac-{held.id}",
        persistent=False,
        job=held,
        phase=held.phase,
        state=held.phase.value,
        node=held.batch_host,
        ends_at=held.ends_at if held.phase is Phase.RUNNING else None,
        observed_at=NOW - 1,
        panes_at=NOW - 1,
    )
    return replace(base, **changes)  # type: ignore[arg-type]


HOST = HostView(
    "spartan",
    Link.UP,
    "ssh",
    0.008,
    NOW - 1,
    calls_per_minute=31,
    interval=2.0,
    cluster="spartan",
    user="ada",
)

HEALTHY = Fleet(
    version=1,
    at=NOW,
    hosts=(HOST,),
    reservations=(
        reservation(),
        reservation(
            "night",
            job(4802, "night", Phase.PENDING, reason="Resources", elapsed=0, ends_at=None),
            why="waits for free CPUs in cascade",
        ),
    ),
    agents=(
        agent("trainer-1", AgentState.ASKING, "may I run: rm -rf build/", 720),
        agent("bench", AgentState.EXITED, "exit 3", 480),
        agent("trainer-2", AgentState.LIMITED, "resets 20:10", 2760),
        agent("trainer-3", AgentState.WORKING, "Noodling… 12s", 3),
        agent("docs", AgentState.IDLE, "turn finished", 7260),
        agent("polyglot", AgentState.STOPPED, "no session of it in dev-pool"),
    ),
    jobs=(
        ("spartan", job(4711, "dev-pool")),
        ("spartan", job(4802, "night", Phase.PENDING, reason="Resources", elapsed=0, ends_at=None)),
        ("spartan", job(4655, "build", Phase.ERROR, exit_code="2:0")),
    ),
    jobs_at={"spartan": NOW - 1},
    private={"spartan": False},
)

_TROUBLE = Trouble(
    "controller",
    "Slurm's controller does not answer (squeue: Unable to contact slurm controller)",
    since=NOW - 34,
    next_try=NOW + 4,
)

#: The controller is down: every row stays, with its age.
DEGRADED = replace(
    HEALTHY, hosts=(replace(HOST, data_at=NOW - 34, troubles=(_TROUBLE,)),), jobs_at={"spartan": NOW - 34}
)

#: The host cannot be reached.
UNREACHABLE = replace(
    HEALTHY,
    hosts=(
        replace(
            HOST,
            link=Link.RETRYING,
            latency=None,
            data_at=NOW - 95,
            troubles=(
                Trouble(
                    "ssh", "spartan cannot be reached: connection refused", "ssh spartan", NOW - 90, NOW + 7
                ),
            ),
        ),
    ),
    jobs_at={"spartan": NOW - 95},
)

BROKEN_FILE = replace(
    HEALTHY,
    problems=(
        Problem(
            "definition", "/agents/docs/docs.yaml:7:3", "unknown key 'modle' in spec", "did you mean 'model'?"
        ),
    ),
)

EMPTY = Fleet(version=1, at=NOW, hosts=(HOST,), jobs_at={"spartan": NOW - 1}, private={"spartan": False})

LOADING = Fleet(version=1, at=NOW, hosts=(replace(HOST, link=Link.CONNECTING, latency=None, data_at=None),))

_HOSTILE = "[red]x[/red] [/] \x1b[31mESC\x1b]0;t\x07 a|b\n\t\x1e\x1f 漢字🧪 \u202e"

HOSTILE = replace(
    HEALTHY,
    agents=(agent("ok", AgentState.ASKING, _HOSTILE, last_line=_HOSTILE, screen=_HOSTILE * 3),),
    jobs=(("spartan", job(4711, _HOSTILE, reason=_HOSTILE)), ("spartan", job(4712, "x" * 1000))),
)

#: What every source together says about a job; its name and script are hostile.
DETAILS = Details(
    "spartan",
    "4711",
    NOW,
    "runs on node7 since 3 h; Slurm ends it in 5 h",
    "extend it before 20:10",
    (
        Part("Job", (("name", _HOSTILE), ("partition", "cascade"))),
        Part("Steps", (("4711.batch", "running, 1.2 GiB of 8 GiB"),)),
        Part("Script", text="#!/bin/sh\n" + _HOSTILE + "\n" + "echo " + "x" * 300 + "\n"),
    ),
    ("squeue", "scontrol"),
    (("sacct", "accounting does not answer"),),
)
