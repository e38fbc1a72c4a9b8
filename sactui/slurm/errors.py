"""What Slurm's error texts mean: which layer, in a sentence, with a remedy.

The order is the meaning. While the controller does not answer, srun follows up with
"Expired or invalid job" about a job that runs: so texts about contact come first, and
what comes behind them says nothing about the job.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..domain.text import visible
from ..errors import SlurmError


@dataclass(frozen=True, slots=True)
class _Case:
    kind: str
    layer: str
    pattern: re.Pattern[str]
    sentence: str
    remedy: str
    definitive: bool


def _case(
    kind: str, layer: str, pattern: str, sentence: str, remedy: str = "", *, definitive: bool = True
) -> _Case:
    return _Case(kind, layer, re.compile(pattern, re.IGNORECASE), sentence, remedy, definitive)


_LATER = "nothing to do: sactui asks again"
_ADMIN = "tell the site's administrators"

#: First match wins.
_CASES: tuple[_Case, ...] = (
    # The request never got to a controller, or its answer never came back.
    _case(
        "busy",
        "controller",
        r"rate limit exceeded|server.*limiting rpc",
        "the controller asks for fewer requests",
        "sactui slows down by itself",
        definitive=False,
    ),
    _case(
        "munge",
        "controller",
        r"munge|auth/|authentication (?:error|failure|credential)|invalid authentication|security violation|"
        r"authentication does not apply|unable to (?:un)?pack credential",
        "Slurm's own authentication (munge) failed on this host",
        "look whether munged runs there and the clocks agree: munge -n | unmunge",
        definitive=False,
    ),
    # Slurm reaches its accounting by connections of their own, which fail in the same words.
    _case(
        "accounting",
        "controller",
        r"slurmdbd|slurm_persist_conn|unable to connect to database|accounting storage is disabled|"
        r"accounting_storage/none|problem (?:getting|with) .*(?:database|cluster)",
        "Slurm's accounting does not answer, or there is none",
        "the queue is not touched by this; finished jobs cannot be looked up",
        definitive=False,
    ),
    # The controller answered; the node did not take the step.
    _case(
        "node-failure",
        "node",
        r"(?:application|task) launch failed",
        "the job's node did not start the step",
        "look at the node: sinfo -N -l",
        definitive=False,
    ),
    _case(
        "controller",
        "controller",
        r"unable to contact slurm controller|socket timed out on send/recv|zero bytes were transmitted|"
        r"unable to establish controller|slurm_receive_msg|unable to connect to (?:the )?controller|"
        r"communication connection failure|(?:connect|send|receive|shutdown) failure|"
        r"message (?:send|receive) failure|"
        r"connection timed out|controller (?:is )?in standby|"
        r"unable to determine this slurm|can't find an address|error response from slurmctld|"
        r"slurmctld.*not responding|connection refused",
        "the Slurm controller does not answer",
        _LATER,
        definitive=False,
    ),
    _case(
        "version",
        "controller",
        r"incompatible versions of client and server",
        "the Slurm commands of this host do not fit its controller",
        _ADMIN,
        definitive=False,
    ),
    _case(
        "config",
        "controller",
        r"unable to process configuration file|could not establish a configuration source|resolve_ctls|"
        r"slurm\.conf.*no such file|error reading slurm\.conf|fetch_config",
        "the Slurm commands of this host find no configuration",
        "log in to a host that submits jobs, or set SLURM_CONF",
        definitive=False,
    ),
    _case(
        "no-command",
        "request",
        r"(?:sinfo|squeue|sbatch|srun|scancel|scontrol|sacct|sacctmgr|slurm): (?:command )?not found|"
        r"(?:squeue|sbatch|srun|scancel|scontrol|sinfo|sacct)['\"]?: no such file",
        "this host has no Slurm commands on its PATH",
        "log in to a host that submits jobs, or load Slurm's module in a login file",
        definitive=False,
    ),
    # A step could not be had, or ended.
    _case(
        "step-limit",
        "node",
        r"step limit reached",
        "the job has used up its number of steps: nothing new can be started in it by Slurm",
        "agents in it go on; release and book again to attach anew",
    ),
    _case(
        "pending",
        "node",
        r"job is pending execution|is pending execution",
        "the job is still waiting for its resources",
        "wait until it runs",
    ),
    _case(
        "suspended",
        "node",
        r"job is (?:currently? )?suspended|job step is suspended",
        "the job is suspended",
        "wait until it is resumed",
    ),
    _case(
        "busy-nodes",
        "node",
        r"requested nodes are busy|step creation temporarily disabled|creation still disabled|"
        r"immediate execution impossible",
        "the job's resources are taken by another step of it",
        "sactui's own steps share; look for a step that was started without --overlap",
    ),
    _case(
        "memory-busy",
        "node",
        r"memory required by task is not available",
        "another step holds all memory of the job",
        "end that step; sactui's own steps ask for none",
    ),
    _case(
        "time-limit",
        "node",
        r"cancelled at .* due to time limit|job killed due (?:to )?hitting max wall",
        "the job reached its time limit",
        "book again with more time",
    ),
    _case(
        "preempted",
        "node",
        r"cancelled at .* due to preemption",
        "the job was ended to make room for another",
        "book again",
    ),
    _case(
        "step-killed",
        "node",
        r"\*\*\* (?:step|job) .* cancelled at|force terminated",
        "the step was ended from outside",
    ),
    _case(
        "node-failure",
        "node",
        r"due to node failure|node failure on|slurmd.*(?:not running|down)|"
        r"communication (?:failure|error) with|launch failed|job credential (?:expired|revoked)|"
        r"error waiting on|failed to send|couldn't chdir|slurmd could not",
        "the job's node did not start the step",
        "look at the node: sinfo -N -l",
        definitive=False,
    ),
    _case(
        "no-program",
        "node",
        r"execve\(\): .*: no such file|execve.*permission denied",
        "the program does not exist on the node",
        "give its full path, or load its module in the setup of the reservation",
    ),
    # The controller answered: no.
    _case(
        "gone",
        "request",
        r"invalid job id specified|expired or invalid job|has expired|job has already finished|"
        r"job/step already completing or completed|already completing|job is not pending nor running|"
        r"no such job|job is not running|invalid job id\b",
        "the controller does not know this job any more",
        "see sactui jobs; accounting knows how it ended",
    ),
    _case(
        "pty",
        "request",
        r"invalid numeric value \".*\" for --jobid",
        "srun takes raw job ids only",
        "use the id of squeue %A",
    ),
    _case(
        "permission",
        "request",
        r"permission denied|invalid user id|operation not permitted|user's group not permitted",
        "Slurm does not allow this to you",
        "it is another user's, or the site does not allow it",
    ),
    _case(
        "account",
        "request",
        r"invalid account|account/partition combination|account.*(?:required|missing|must)",
        "the account is not valid here, or one is needed",
        "see: sacctmgr show assoc user=$USER; then set --account",
    ),
    _case(
        "qos",
        "request",
        r"invalid qos",
        "the QOS is not valid here",
        "leave --qos out, or see: sacctmgr show qos",
    ),
    _case(
        "partition",
        "request",
        r"invalid partition|no partition specified|partition (?:not available|in down|configuration)",
        "the partition does not exist or takes no jobs",
        "see: sinfo -s",
    ),
    _case(
        "policy",
        "request",
        r"violates accounting/qos policy|job submit limit|maxjobcount|association.*limit",
        "a limit of the site refuses it: number of jobs, size or time",
        "ask for less, or end another job",
    ),
    _case(
        "time",
        "request",
        r"time limit (?:is )?invalid|invalid (?:--)?time|time limit specification",
        "the time limit is not allowed",
        "shorten it",
    ),
    _case(
        "nodes",
        "request",
        r"node configuration is not available|invalid node name|nodes not in this partition|invalid feature|"
        r"required node not available|node count specification|more processors requested|cpu count|topology",
        "no node can give what was asked for",
        "ask for fewer CPUs, less memory or other nodes",
    ),
    _case(
        "gres",
        "request",
        r"generic resource|gres|tres",
        "the GPUs asked for do not exist there",
        "see: sinfo -o '%P %G'",
    ),
    _case(
        "memory",
        "request",
        r"memory specification|memory.*can not be satisfied",
        "so much memory cannot be had",
        "ask for less",
    ),
    _case("license", "request", r"licen[cs]e", "the licence is not available", "see: scontrol show licenses"),
    _case(
        "reservation",
        "request",
        r"requested reservation|maintenance reservation",
        "the advance reservation refuses it",
        "see: scontrol show reservation",
    ),
    _case("dependency", "request", r"dependency", "the dependency is not valid", "name a job that exists"),
    _case(
        "submission-off",
        "request",
        r"submissions disabled|operation is presently disabled",
        "the site takes no jobs now",
        _ADMIN,
    ),
    _case(
        "directive",
        "request",
        r"invalid (?:directive|option|argument)|unrecogni[sz]ed option|ambiguous option|"
        r"invalid numeric value|batch script|unable to open file",
        "an option or the script is not valid",
        "see the text of the error",
    ),
)

_PREFIX = re.compile(r"^(?:[a-z_]+: )?(?:error|fatal|allocation failure): ", re.IGNORECASE)


def classify(text: str) -> SlurmError:
    """The error that a command's text (standard error, or the end of its output) means.

    The message is a sentence with Slurm's own last words behind it. A text without a known
    meaning is repeated, and nothing about the job is concluded from it.
    """
    own = visible(_words(text))
    for case in _CASES:
        if case.pattern.search(text):
            message = f"{case.sentence} ({own})" if own else case.sentence
            return SlurmError(
                message,
                case.remedy,
                layer=case.layer,
                text=text.strip(),
                kind=case.kind,
                definitive=case.definitive,
            )
    return SlurmError(
        f"Slurm said: {own}" if own else "Slurm failed without a word",
        "",
        layer="request",
        text=text.strip(),
        kind="other",
        definitive=False,
    )


def _words(text: str) -> str:
    """The most telling line: the last one that is marked as an error, else the last one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    marked = [line for line in lines if re.search(r"\b(?:error|fatal|failure)\b", line, re.IGNORECASE)]
    line = (marked or lines or [""])[-1]
    return _PREFIX.sub("", line)[:300]
