"""What can be done to a job: the commands, what it may be done to, and when it has happened."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..domain.job import UNLIMITED, Job
from ..domain.state import Phase
from ..slurm import scancel, scontrol, states, values


@dataclass(frozen=True, slots=True)
class Target:
    """One record of the queue to act on; ``task`` is one waiting task out of a folded array."""

    job: Job
    task: int | None = None

    @property
    def folded(self) -> bool:
        """True for the record of an array's waiting tasks, whose raw id is the whole array's."""
        return self.task is None and self.job.array_tasks.startswith("[")

    @property
    def label(self) -> str:
        return f"{self.job.array_job}_{self.task}" if self.task is not None else self.job.label

    @property
    def spec(self) -> str:
        """What scancel and scontrol are given: the raw id, or tasks of an array by number."""
        if self.task is not None:
            return f"{self.job.array_job}_{self.task}"
        if self.folded:
            # The limit of tasks at once is no part of a task list.
            return f"{self.job.array_job}_{re.sub('%[0-9]+', '', self.job.array_tasks)}"
        if self.job.array_job is not None:
            # The last task has the raw id of the whole array; and once what waits of an array
            # is cancelled, scancel does nothing for the raw ids of its tasks, with status 0
            # (seen with 22.05).
            return self.job.label
        return str(self.job.id)


@dataclass(frozen=True, slots=True)
class Verb:
    """One action: its words, what it may be done to, and when it has happened.

    ``refuse`` gives the reason against one job (empty: none), ``done`` whether the job as
    it is seen now (``None``: gone from the queue) shows that it has happened.
    """

    word: str
    past: str
    argv: Callable[[Sequence[Target], Mapping[str, str]], list[list[str]]]
    refuse: Callable[[Job, Mapping[str, str]], str]
    done: Callable[[Target, Job | None, Mapping[str, str]], bool]
    loses: bool = False


# -- what each action does ----------------------------------------------------------------


def _cancel_argv(targets: Sequence[Target], options: Mapping[str, str]) -> list[list[str]]:
    single = [each.spec for each in targets if not each.folded]
    argvs = [scancel.command(single)] if single else []
    # Only what waits: tasks that have begun meanwhile were not confirmed.
    return argvs + [
        scancel.pending_command(each.job.array_job or each.job.id) for each in targets if each.folded
    ]


def _signal_argv(targets: Sequence[Target], options: Mapping[str, str]) -> list[list[str]]:
    who = options.get("to", "")
    return [
        scancel.command(
            [each.spec for each in targets],
            signal=options["signal"],
            batch=who == "script",
            full=who == "all",
        )
    ]


def _hold_argv(targets: Sequence[Target], options: Mapping[str, str]) -> list[list[str]]:
    return [scontrol.change_command("uhold", each.spec) for each in targets]


def _release_argv(targets: Sequence[Target], options: Mapping[str, str]) -> list[list[str]]:
    return [scontrol.change_command("release", each.spec) for each in targets]


def _requeue_argv(targets: Sequence[Target], options: Mapping[str, str]) -> list[list[str]]:
    verb = "requeuehold" if options.get("hold") else "requeue"
    return [scontrol.change_command(verb, each.spec) for each in targets]


def _time_argv(targets: Sequence[Target], options: Mapping[str, str]) -> list[list[str]]:
    return [scontrol.update_spec_command(each.spec, {"TimeLimit": options["time"]}) for each in targets]


def _not_ended(job: Job, options: Mapping[str, str]) -> str:
    return f"has ended ({job.state.lower()})" if job.phase.ended else ""


def _waiting(job: Job, options: Mapping[str, str]) -> str:
    return "" if job.phase is Phase.PENDING else f"does not wait: it {states.sentence(job.state)}"


def _held(job: Job, options: Mapping[str, str]) -> str:
    return _waiting(job, options) or ("" if is_held(job) else "is not held")


def _requeuable(job: Job, options: Mapping[str, str]) -> str:
    return "waits already" if job.phase is Phase.PENDING else ""


def _signalled(job: Job, options: Mapping[str, str]) -> str:
    return "" if job.phase in (Phase.RUNNING, Phase.PAUSED) else "does not run: nothing of it gets a signal"


def _shorter(job: Job, options: Mapping[str, str]) -> str:
    if ended := _not_ended(job, options):
        return ended
    wanted = values.duration(options["time"])
    if wanted is not None and 0 <= wanted <= job.elapsed:
        return f"has run for {values.duration_text(job.elapsed)}: that limit would end it at once"
    return ""


def is_held(job: Job) -> bool:
    """True for a waiting job that will not start before somebody releases it."""
    return job.phase is Phase.PENDING and any(part.strip().lower() in _HELD for part in job.reason.split(","))


_HELD = frozenset(
    {"jobhelduser", "jobheldadmin", "jobholdmaxrequeue", "reservationdeleted"}
    | {"launch failed requeued held", "job requeued in held state"}
)


def _is_over(target: Target, now: Job | None, options: Mapping[str, str]) -> bool:
    return now is None or now.phase.ended


def _is_requeued(target: Target, now: Job | None, options: Mapping[str, str]) -> bool:
    if now is None:
        return False
    before = target.job
    other = now.restarts > before.restarts or now.submitted_at != before.submitted_at
    return other or (now.phase is Phase.PENDING and before.phase is not Phase.PENDING)


def _has_limit(target: Target, now: Job | None, options: Mapping[str, str]) -> bool:
    wanted = values.duration(options["time"])
    if now is None or wanted is None or now.time_limit is None:
        return False
    if UNLIMITED in (wanted, now.time_limit):
        return wanted == now.time_limit
    # Slurm counts limits in minutes, rounded up.
    return -(-wanted // 60) == -(-now.time_limit // 60)


VERBS: dict[str, Verb] = {
    "cancel": Verb("Cancel", "cancelled", _cancel_argv, _not_ended, _is_over, loses=True),
    "hold": Verb(
        "Hold", "held", _hold_argv, _waiting, lambda target, now, options: now is not None and is_held(now)
    ),
    "release": Verb(
        "Release",
        "released",
        _release_argv,
        _held,
        lambda target, now, options: now is not None and not is_held(now),
    ),
    "requeue": Verb("Requeue", "requeued", _requeue_argv, _requeuable, _is_requeued, loses=True),
    "signal": Verb(
        # What a program does with a signal is its own business: nothing to look for.
        "Signal",
        "signalled",
        _signal_argv,
        _signalled,
        lambda target, now, options: True,
        loses=True,
    ),
    "time": Verb("Change the time limit of", "changed", _time_argv, _shorter, _has_limit),
}
