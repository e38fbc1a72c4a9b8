"""The reservation: a batch job that only holds an allocation, with a tmux server in it.

The tmux server belongs to the batch script, never to a step: a server started from
a step dies with the step. Its socket is ``<prefix>-<job id>``, so that two jobs on one
node can never share a server, and the script ends it only when it is really its own.
Everything here is pure: options in, exact text and argv out.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..slurm import sbatch
from . import hold_script

#: Variables a batch job gets from the login: enough to run, nothing that surprises.
EXPORTED = (
    *("HOME", "USER", "LOGNAME", "SHELL", "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TERM", "SLURM_CONF"),
    *("MODULEPATH", "MODULESHOME", "LMOD_CMD", "LMOD_DIR"),
    *("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
)

#: Where the console keeps what it needs on the host, below the home directory.
SCRIPTS, LOGS, RUN = ".sactui/scripts", ".sactui/logs", ".sactui/run"

#: Seconds before its end at which a persistent reservation submits its successor.
LEAD = 3600
#: A life that was shorter than this many seconds submits no successor: whatever ended
#: or signalled it that soon would end the next one as well.
LEAST_LIFE = 600
#: How many jobs a persistent reservation may be, one after the other.
GENERATIONS = 3


@dataclass(frozen=True, slots=True)
class HoldOptions:
    """What a reservation asks of Slurm; empty means "the site's default".

    ``until`` (epoch seconds, 0: none) is the date after whose passing no successor is
    submitted. ``self_submitting`` is False where the nodes may not submit: then the
    console does it. ``lead`` and ``least_life`` are seconds.
    """

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
    setup: str = ""  # shell text that runs first in the job; what it sets holds in every channel
    hold_body: str = ""  # shell text that replaces the waiting; the job ends when it ends
    persistent: bool = False
    generations: int = GENERATIONS
    until: int = 0
    self_submitting: bool = True
    lead: int = LEAD
    least_life: int = LEAST_LIFE
    launch: str = ""  # shell text that starts the job's own agent once its server is there


@dataclass(frozen=True, slots=True)
class Mark:
    """What a job's comment says about where it belongs."""

    kind: str
    identity: str  # <host>-<name>
    uuid: str
    generation: int


def mark(kind: str, host: str, name: str, uuid: str, generation: int = 1) -> str:
    """The text in a job's comment by which sactui knows it again."""
    return f"sactui:{kind}:{host}-{name}:{uuid}:{generation}"


def read_mark(comment: str) -> Mark | None:
    """The mark in a comment, also where a site has put words around it."""
    if "sactui:" not in comment:
        return None  # nearly every job of nearly every queue
    found = re.search(
        r"(?:^|[\s,;])sactui:([a-z]{1,20}):([A-Za-z0-9._@-]{1,200}):([0-9a-f]{4,32}):([0-9]{1,6})(?![0-9])",
        comment,
    )
    return Mark(found.group(1), found.group(2), found.group(3), int(found.group(4))) if found else None


def script_name(name: str, uuid: str) -> str:
    """File name of the batch script: accounting keeps it (SubmitLine) when comments vanish."""
    return f"{name}-{uuid}.sh"


def script_path(name: str, uuid: str) -> str:
    """The batch script's path, below the home directory."""
    return f"{SCRIPTS}/{script_name(name, uuid)}"


def socket(prefix: str, job_id: int) -> str:
    """Name of the tmux socket (``tmux -L``) of one job."""
    return f"{prefix}-{job_id}"


def submit_argv(
    host: str, name: str, uuid: str, options: HoldOptions, generation: int = 1, *, test_only: bool = False
) -> list[str]:
    """The sbatch command of one generation; it runs in the home directory.

    Raises Refused for a value that sbatch cannot take.
    """
    signalled = options.persistent and options.self_submitting
    argv = sbatch.command(
        script_path(name, uuid),
        partition=options.partition,
        cpus_per_task=options.cpus,
        memory=options.memory,
        time=options.time,
        gpus=options.gpus,
        account=options.account,
        qos=options.qos,
        nodes=options.nodes,
        node_list=options.node_list,
        constraint=options.constraint,
        job_name=name,
        comment=mark("reservation", host, name, uuid, generation),
        output=f"{LOGS}/%x-%j.out",
        export=EXPORTED,
        signal=f"B:USR1@{options.lead}" if signalled else "",
        extra=options.options,
        test_only=test_only,
    )
    return [*argv, str(generation)]


def next_argv(argv: Sequence[str], uuid: str) -> list[str]:
    """The command of the generation after the one that ``argv`` submits."""
    generation = int(argv[-1]) + 1
    comment = re.compile(rf"(--comment=sactui:.*:{re.escape(uuid)}:)[0-9]+")
    return [*(comment.sub(rf"\g<1>{generation}", word) for word in argv[:-1]), str(generation)]


def batch_script(name: str, uuid: str, options: HoldOptions, host: str = "") -> str:
    """The batch script of a reservation; its argument is its generation.

    It starts the tmux server, reports what agents will find on the node, and waits. A
    TERM (cancel, requeue, preemption, time limit) ends this job's own server only.
    """
    submits = options.persistent and options.self_submitting
    successor = ""
    if submits:
        # The words that name the generation are the script's own variables there.
        argv = submit_argv(host, name, uuid, options, 0)[:-1]
        comment = f"--comment={mark('reservation', host, name, uuid, 0)}"
        words = [
            shlex.quote(word[:-1]) + '"$next"' if word == comment else shlex.quote(word) for word in argv
        ]
        successor = hold_script.successor(
            " ".join(words), options.lead, options.least_life, options.generations, options.until
        )
    return hold_script.script(
        name,
        uuid,
        options.tmux_prefix,
        booked=json.dumps(booked(host, name, uuid, options), ensure_ascii=True),
        setup=options.setup,
        hold_body=options.hold_body,
        successor=successor,
        launch=options.launch,
    )


def booked(host: str, name: str, uuid: str, options: HoldOptions) -> dict[str, Any]:
    """What a lease has to know of a booking; the script keeps it too, should the lease be lost."""
    found: dict[str, Any] = {
        "uuid": uuid,
        "tmux_prefix": options.tmux_prefix,
        "argv": submit_argv(host, name, uuid, options),
    }
    if options.persistent:
        found |= {"generations": options.generations, "lead": options.lead}
        found |= {"until": options.until} if options.until else {}
        found["submits"] = "job" if options.self_submitting else "console"
    return found


def read_booked(script: str, uuid: str) -> dict[str, Any]:
    """:func:`booked` again, from the head of a script; empty when it does not say, or says another uuid."""
    line = next((x for x in script.splitlines() if x.startswith(hold_script.BOOKED)), "")
    try:
        found = json.loads(line.removeprefix(hold_script.BOOKED))
    except ValueError:
        return {}
    known = ("uuid", "tmux_prefix", "argv", "generations", "lead", "until", "submits")
    if not isinstance(found, dict) or found.get("uuid") != uuid or not set(found) <= set(known):
        return {}
    return found


def no_successor(options: HoldOptions, limit: int | None) -> str:
    """Why a persistent booking of ``limit`` seconds would never get a successor; "" when it would."""
    if limit is not None and limit > 0 and options.lead * 2 >= limit:
        return (
            f"a persistent reservation submits its successor {options.lead // 60} min before its end, "
            f"and never in the first half of its time: it needs more than {options.lead * 2 // 3600} h"
        )
    return ""


def without_successor(options: HoldOptions) -> HoldOptions:
    """The same booking for one job alone."""
    return replace(options, persistent=False)
