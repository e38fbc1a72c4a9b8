"""Actions on jobs: cancel, hold, release, requeue, signal, change the time limit.

``plan`` is pure and says what is lost; :func:`run` checks the identity of every job right
before (id, submit time, name), acts on raw ids, and then looks until each job is what
it should have become. Nothing is concluded from an exit status: scancel's is 0 for jobs
that never were.
"""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import clock
from ..domain.job import UNLIMITED, Job
from ..domain.state import Phase
from ..domain.text import visible
from ..errors import ProtocolError, Refused, SlurmError
from ..slurm import arrays, states, values
from ..slurm import errors as slurm_errors
from ..transport.script import Section
from .hosts import Host
from .job_verbs import VERBS, Target, Verb
from .jobs import look_at_jobs
from .link import HostLink
from .plan import Grade, Outcome, Plan, Result, together

if TYPE_CHECKING:
    from .controller import Controller

#: Seconds for which a change is looked for before it is called unknown.
PATIENCE = 45.0
_KIND = "job-"
#: Signals that a person may want to send by name; any other name or number works as well.
SIGNALS = ("USR1", "USR2", "INT", "TERM", "HUP", "CONT", "STOP", "KILL")


@dataclass(frozen=True, slots=True)
class Stake:
    """What lives in a job besides the job itself: a reservation's name, agents as (name, state)."""

    reservation: str = ""
    agents: tuple[tuple[str, str], ...] = ()


# -- plans --------------------------------------------------------------------------------


def plan(
    verb: str,
    host: str,
    targets: Sequence[Target],
    *,
    user: str = "",
    stakes: Mapping[int, Stake] | None = None,
    **options: str,
) -> Plan:
    """The plan of one action on jobs of one host.

    ``options``: ``signal`` and ``to`` (``steps``, ``script``, ``all``) for signal, ``time``
    for time, ``hold`` (any text) for requeue. ``stakes`` says by raw id what lives in the
    jobs. Raises Refused for what cannot be, with the reason.
    """
    action = VERBS.get(verb)
    if action is None:
        raise Refused(f"there is no action {verb!r} for jobs", f"there are: {', '.join(VERBS)}")
    if not targets:
        raise Refused(f"{action.word}: no job was named")
    options = _options(verb, options)
    against = {each.label: why for each in targets if (why := action.refuse(each.job, options))}
    if len(against) == len(targets):
        label, why = next(iter(against.items()))
        more = f" (and {len(against) - 1} more)" if len(against) > 1 else ""
        raise Refused(f"job {label} {why}{more}", _remedy(verb))
    chosen = [each for each in targets if each.label not in against]
    stakes = stakes or {}
    impact = _impact(verb, chosen, user, stakes, options)
    impact += [f"Left out: job {label} {why}." for label, why in against.items()]
    what = chosen[0].label if len(chosen) == 1 else f"{count(chosen)} jobs"
    return Plan(
        _KIND + verb,
        host,
        what,
        f"{action.word} {what}" + (f" on {host}" if host else ""),
        tuple(impact),
        tuple(shlex.join(argv) for argv in action.argv(chosen, options)),
        _grade(verb, chosen, user, stakes),
        {
            "verb": verb,
            "ids": [each.label for each in chosen],
            "options": options,
            "targets": tuple(chosen),
            "undo": {"hold": "release", "release": "hold"}.get(verb, ""),
        },
    )


def count(targets: Sequence[Target]) -> int:
    """How many jobs targets stand for; the tasks of a folded array count each."""
    return sum(each.job.tasks if each.folded else 1 for each in targets)


def _options(verb: str, given: Mapping[str, str]) -> dict[str, str]:
    options = {key: value for key, value in given.items() if value}
    if verb == "signal":
        name = options.get("signal", "").upper().removeprefix("SIG")
        if not re.fullmatch(r"[A-Z][A-Z0-9]{1,9}|[1-9][0-9]?", name):
            raise Refused(f"{given.get('signal', '')!r} is not a signal", f"one of {', '.join(SIGNALS)}")
        options["signal"] = name
    if verb == "time":
        seconds = values.duration(options.get("time", ""))
        if seconds is None or seconds == 0:
            raise Refused(
                f"{given.get('time', '')!r} is not a time limit", "write 4:00:00 or 7-0 (days-hours)"
            )
        options["time"] = values.duration_text(seconds)
    return options


def _remedy(verb: str) -> str:
    return {
        "hold": "only a waiting job can be held: requeue it first, or suspend is the administrators'",
        "release": "release is for held jobs; a reservation is released with: sactui reservations release",
        "time": "a longer time needs an administrator; cancel ends it now",
    }.get(verb, "see: sactui jobs")


def _impact(
    verb: str, targets: Sequence[Target], user: str, stakes: Mapping[int, Stake], options: Mapping[str, str]
) -> list[str]:
    lines = []
    for each in targets[:20]:
        lines.append(f"{_line(each)}{_lost(verb, each.job)}")
        stake = stakes.get(each.job.id, Stake())
        if VERBS[verb].loses and verb != "signal":
            if stake.reservation:
                lines.append(
                    f"  It is the reservation {stake.reservation}: its lease stays and shows it as ended."
                )
            if stake.agents:
                listed = ", ".join(f"{name} ({state})" for name, state in stake.agents)
                stop = "1 agent stops" if len(stake.agents) == 1 else f"{len(stake.agents)} agents stop"
                lines.append(f"  {stop}: {listed}.")
        if user and each.job.user and each.job.user != user:
            lines.append(
                f"  It belongs to {visible(each.job.user)}: Slurm allows this to administrators only."
            )
    if len(targets) > 20:
        lines.append(f"... and {len(targets) - 20} more.")
    if verb == "time" and any(_raises(each.job, options) for each in targets):
        lines.append("Slurm lets users only lower a time limit: raising it needs an administrator.")
    if verb == "signal":
        lines.append(f"Sends SIG{options['signal']}; what the program does with it is up to the program.")
    return lines


def _line(target: Target) -> str:
    job = target.job
    state = "waits" if job.phase is Phase.PENDING else job.state.lower()
    many = f", {job.tasks}{'' if job.tasks_exact else ' or more'} tasks" if target.folded else ""
    where = f" on {job.node_list}" if job.node_list else ""
    return f"Job {target.label} {visible(job.name)[:60]!r} {state}{many}{where}."


def _lost(verb: str, job: Job) -> str:
    if not VERBS[verb].loses or verb == "signal" or job.phase not in (Phase.RUNNING, Phase.PAUSED):
        return ""
    used = values.duration_text(job.elapsed)
    again = "; it starts again from its beginning" if verb == "requeue" else ""
    return f" What it did in {used} and has not saved is lost{again}."


def _raises(job: Job, options: Mapping[str, str]) -> bool:
    wanted = values.duration(options["time"]) or 0
    if job.time_limit is None or job.time_limit == UNLIMITED:
        return False
    return wanted == UNLIMITED or wanted > job.time_limit


def _grade(verb: str, targets: Sequence[Target], user: str, stakes: Mapping[int, Stake]) -> Grade:
    if verb in ("hold", "release"):
        return Grade.NONE
    if not VERBS[verb].loses or verb == "signal":
        return Grade.ASK
    running = [each for each in targets if each.job.phase in (Phase.RUNNING, Phase.PAUSED)]
    lives = any(stakes.get(each.job.id, Stake()) != Stake() for each in running)
    others = any(user and each.job.user and each.job.user != user for each in targets)
    return Grade.TYPE if lives or others or len(running) > 1 else Grade.ASK


# -- running ------------------------------------------------------------------------------


async def run(controller: Controller, host: Host, plan: Plan) -> Outcome:
    """Run a plan of this module on its host; every job has its own outcome."""
    return await act(host.link, plan)


async def act(link: HostLink, plan: Plan, *, patience: float = PATIENCE) -> Outcome:
    """Check identities, act, and look until every job is what it should become.

    Raises SlurmError when the first look fails (nothing was done then), TransportError.
    """
    verb, options = VERBS[plan.data["verb"]], plan.data["options"]
    targets: Sequence[Target] = plan.data["targets"]
    outcomes: dict[str, Outcome] = {}
    seen = await _look(link, targets)
    ready: list[Target] = []
    for each in targets:
        now = _found(each, seen)
        if problem := _changed(verb, each, now, options):
            outcomes[each.label] = problem
        else:
            ready.append(each)
    said: list[str] = []
    if ready:
        sections = [
            Section(f"{index}", shlex.join(argv)) for index, argv in enumerate(verb.argv(ready, options))
        ]
        answers = await link.ask(*sections, timeout=60)
        said = [
            line.strip()
            for answer in answers.values()
            for line in (answer.stderr + b"\n" + answer.stdout).decode("utf-8", "replace").splitlines()
            if line.strip()
        ]
        outcomes |= await _prove(link, verb, ready, options, said, patience)
    ordered = {each.label: outcomes[each.label] for each in targets}
    return together(ordered, f"jobs {verb.past}")


async def _look(link: HostLink, targets: Sequence[Target]) -> tuple[Job, ...]:
    ids = sorted({each.job.array_job or each.job.id for each in targets} | {each.job.id for each in targets})
    found: dict[int, Job] = {}
    for start in range(0, len(ids), 200):
        chunk = ids[start : start + 200]
        found |= {job.id: job for job in await look_at_jobs(link, ids=chunk)}
    return tuple(found.values())


def _found(target: Target, seen: Sequence[Job]) -> Job | None:
    """The record of a target as it is now; for a task it may have left its folded record."""
    if target.task is None:
        return next((job for job in seen if job.id == target.job.id), None)
    for job in seen:
        if job.array_job == target.job.array_job and arrays.holds(job.array_tasks, target.task):
            return job
    return None


def _changed(verb: Verb, target: Target, now: Job | None, options: Mapping[str, str]) -> Outcome | None:
    """Why a job is not touched: it is not what was confirmed, or it is done already."""
    before = target.job
    if now is None or (now.phase.ended and not before.phase.ended):
        how = f" ({now.state.lower()})" if now is not None else ""
        if verb.word == "Cancel":
            return Outcome(Result.DONE, f"job {target.label} had already ended{how}", "not in the queue")
        return Outcome(Result.FAILED, f"job {target.label} has ended{how}", remedy="see: sactui jobs")
    same = (now.submitted_at, now.name) == (before.submitted_at, before.name)
    if not same or (target.task is None and now.id != before.id):
        return Outcome(
            Result.FAILED,
            f"job {target.label} is not what was confirmed: now {visible(now.name)!r}, "
            + ("requeued meanwhile" if now.restarts > before.restarts else "submitted at another time"),
            remedy="look again (r) and confirm what is there now",
        )
    if target.folded and now.phase is not Phase.PENDING and not now.phase.ended:
        return Outcome(Result.FAILED, f"the last task of {target.label} has begun", remedy="look again (r)")
    if why := verb.refuse(now, options):
        if verb.done(target, now, options) and verb.word not in ("Signal", "Requeue"):
            return Outcome(Result.DONE, f"job {target.label} {why}", now.reason)
        return Outcome(Result.FAILED, f"job {target.label} {why}", remedy="look again (r)")
    return None


async def _prove(
    link: HostLink,
    verb: Verb,
    targets: Sequence[Target],
    options: Mapping[str, str],
    said: Sequence[str],
    patience: float,
) -> dict[str, Outcome]:
    """Look until every target is done, Slurm said no about it, or patience ends."""
    outcomes: dict[str, Outcome] = {}
    refused = {each.label: text for each in targets if (text := _refusal(each, targets, said))}
    deadline = clock.monotonic() + patience
    pause = 0.3
    left = list(targets)
    seen: tuple[Job, ...] = ()
    while True:
        trouble = ""
        try:
            seen = await _look(link, left)
        except (SlurmError, ProtocolError) as error:
            # The command may have taken effect: a look that failed says nothing about that.
            trouble = error.message
        for each in list(left) if not trouble else ():
            now = _found(each, seen)
            if each.label in refused:
                outcomes[each.label] = _no(verb, each, refused[each.label])
                left.remove(each)
            elif verb.done(each, now, options):
                outcomes[each.label] = _done(verb, each, now, options)
                left.remove(each)
        if not left:
            return outcomes
        if clock.monotonic() > deadline:
            break
        await asyncio.sleep(max(pause, min(2.0, link.command_seconds * 5)))
        pause = min(pause * 1.5, 2.0)
    for each in left:
        now = _found(each, seen)
        state = states.sentence(now.state) if now else "is not in the queue"
        what = (
            f"whether job {each.label} is {verb.past} is not known: {trouble}"
            if trouble
            else f"job {each.label} {state}, {patience:.0f} s after it was to be {verb.past}"
        )
        outcomes[each.label] = Outcome(Result.UNKNOWN, what, "\n".join(said), "look again in a minute")
    return outcomes


def _refusal(target: Target, targets: Sequence[Target], said: Sequence[str]) -> str:
    """Slurm's words about this job, when it refused something about it."""
    names = {target.spec, str(target.job.id), target.label, str(target.job.array_job or target.job.id)}
    for line in said:
        if not re.search(r"error|invalid|denied|disabled|not |finished|refused|unknown", line, re.IGNORECASE):
            continue
        mentioned = set(re.findall(r"[0-9]+(?:_(?:\[[^\]]*\]|[0-9]+))?", line))
        if mentioned & names or len(targets) == 1 or not mentioned:
            return line
    return ""


def _no(verb: Verb, target: Target, text: str) -> Outcome:
    failure = slurm_errors.classify(text)
    remedy = failure.remedy
    if verb.past == "changed" and failure.kind == "permission":
        remedy = "users may only lower a time limit: ask the site's administrators"
    return Outcome(Result.FAILED, f"job {target.label} was not {verb.past}: {failure.message}", text, remedy)


def _done(verb: Verb, target: Target, now: Job | None, options: Mapping[str, str]) -> Outcome:
    state = now.state if now is not None else "not in the queue"
    evidence = f"{state} {now.reason}".strip() if now is not None else state
    if verb.past == "signalled":
        return Outcome(Result.DONE, f"SIG{options['signal']} was sent to job {target.label}", evidence)
    if verb.past == "changed" and now is not None and now.time_limit is not None:
        return Outcome(
            Result.DONE,
            f"job {target.label} has a time limit of {values.duration_text(now.time_limit)}",
            evidence,
        )
    return Outcome(Result.DONE, f"job {target.label} is {verb.past}", evidence)


RUNNERS = {_KIND + verb: run for verb in VERBS}
