"""A job's details in words, from what each source said about it. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ..domain.accounting import Accounted
from ..domain.details import Details, Part
from ..domain.job import UNLIMITED, Job
from ..domain.state import Phase
from ..domain.text import visible
from ..slurm import ends, reasons, states, values
from .job_verbs import is_held

if TYPE_CHECKING:
    from .job_details import Known

Facts = list[tuple[str, str]]

#: Keys of scontrol that the other parts already say, in words.
_TOLD = frozenset(
    (
        *("JobId", "JobName", "UserId", "Account", "QOS", "JobState", "Reason", "Dependency", "Restarts"),
        *("ExitCode", "RunTime", "TimeLimit", "SubmitTime", "EligibleTime", "StartTime", "EndTime"),
        *("Partition", "NodeList", "NumNodes", "NumCPUs", "TRES", "Command", "WorkDir", "StdErr", "StdIn"),
        *("StdOut", "BatchHost", "Comment", "Priority", "ArrayJobId", "ArrayTaskId", "HetJobId"),
        "HetJobOffset",
    )
)
_TOLD_JSON = frozenset(
    (
        *(
            "job_id",
            "name",
            "user_name",
            "user_id",
            "account",
            "qos",
            "partition",
            "job_state",
            "state_reason",
        ),
        *("priority", "submit_time", "start_time", "end_time", "time_limit", "nodes", "node_count", "cpus"),
        *("batch_host", "tres_alloc_str", "tres_req_str", "command", "comment", "current_working_directory"),
        *("standard_output", "standard_error", "standard_input", "restart_cnt", "exit_code", "dependency"),
        *("array_job_id", "array_task_id", "array_task_string", "het_job_id", "het_job_offset"),
    )
)
_DOUBT = " (may be part of a text that its user wrote)"


def details(host: str, at: float, job_id: int, known: Known, missing: tuple[tuple[str, str], ...]) -> Details:
    """All parts that have something to say, and the sentence that matters most."""
    job, record = known.job, _last(known)
    headline, remedy = _headline(known, record, at)
    parts = [
        Part("Job", tuple(_known(_job(job, record, known)))),
        Part("Waiting", tuple(_known(_waiting(job, known, at))) if job else ()),
        Part("End", tuple(_known(_end(known, record)))),
        Part("Times", tuple(_known(_times(job, record)))),
        Part("Resources", tuple(_known(_resources(job, record, known)))),
        Part("Efficiency", tuple(_known(_efficiency(job, record, known)))),
        Part("Files", tuple(_known(_files(job, record, known)))),
        Part("Steps", tuple(_steps(known))),
        Part("Earlier lives", tuple(_lives(known, record))),
        Part("Everything else", tuple(_known(_rest(known)))),
        Part("Script", text=known.script),
    ]
    sources = [
        name
        for name, there in (
            ("squeue", job is not None),
            ("scontrol", known.shown is not None or bool(known.more)),
            ("sacct", bool(known.accounted)),
            ("sstat", bool(known.usage)),
        )
        if there
    ]
    label = known.target.label if known.target else record.label if record else str(job_id)
    return Details(
        host,
        label,
        at,
        headline,
        remedy,
        tuple(part for part in parts if part.facts or part.text),
        tuple(sources),
        missing,
    )


def _last(known: Known) -> Accounted | None:
    """The job's own record of its latest life."""
    own = [each for each in known.accounted if not each.step]
    return max(own, key=lambda each: each.submitted_at or 0, default=None)


def _ended(known: Known, record: Accounted | None) -> ends.Ended | None:
    """The end of the job, from accounting where there is one and else from the controller."""
    job = known.job
    used = [each.memory_used_mib for each in known.accounted if each.memory_used_mib]
    if record is not None and record.phase.ended:
        return ends.Ended(
            record.state,
            record.reason,
            record.exit_status,
            record.exit_signal,
            record.canceled_by,
            job.user_id if job else None,
            record.time_limit,
            record.elapsed,
            record.asked_memory_mib or record.memory_mib,
            max(used, default=None),
            record.node_list,
            record.derived_status,
        )
    if job is None or not job.phase.ended:
        return None
    shown = known.shown.fields if known.shown else {}
    status, number = values.exit_code(shown.get("ExitCode", "") or known.more.get("exit_code", ""))
    return ends.Ended(
        job.state,
        job.reason,
        status,
        number,
        "",
        job.user_id,
        job.time_limit,
        job.elapsed,
        job.memory_mib,
        max(used, default=None),
        job.node_list,
        values.exit_code(shown.get("DerivedExitCode", ""))[0],
    )


def _headline(known: Known, record: Accounted | None, at: float) -> tuple[str, str]:
    end = _ended(known, record)
    if end is not None:
        sentence, remedy = ends.explain(end)
        return f"The job {visible(sentence)}.", remedy
    job = known.job
    if job is None:
        state = record.state if record else ""
        return f"The queue does not have the job; accounting last called it {state.lower() or 'nothing'}.", ""
    if job.phase is Phase.PENDING:
        reason = reasons.explain(job.reason)
        return f"The job {visible(reason.sentence)}.", reason.remedy
    where = f" on {job.node_list}" if job.node_list else ""
    left = "" if job.ends_at is None else f"; it ends by {_clock(job.ends_at)} at the latest"
    if job.state == "RUNNING":
        return f"The job has run{where} for {values.duration_text(job.elapsed)}{left}.", ""
    return f"The job {states.sentence(job.state)}{where}{left}.", ""


def _job(job: Job | None, record: Accounted | None, known: Known) -> Facts:
    shown = known.shown.fields if known.shown else {}
    if job is None:
        if record is None:
            return []
        return [
            ("id", record.label),
            ("name", record.name),
            ("user", record.user),
            ("account", record.account),
            ("QOS", record.qos),
            ("partition", record.partition),
            ("state", f"{record.state}: it {states.sentence(record.state)}"),
        ]
    many = f" ({job.tasks}{'' if job.tasks_exact else ' or more'} tasks wait)" if job.tasks > 1 else ""
    return [
        ("id", job.label + many),
        ("raw id", str(job.id) if job.label != str(job.id) else ""),
        ("name", job.name),
        ("user", job.user),
        ("account", job.account),
        ("QOS", job.qos),
        ("partition", job.partition),
        ("state", f"{job.state}: it {states.sentence(job.state)}"),
        ("priority", shown.get("Priority", "") or known.more.get("priority", "")),
        ("restarts", str(job.restarts) if job.restarts else ""),
        ("part of", f"heterogeneous job {job.het_job}" if job.het_job is not None else ""),
        ("comment", job.comment),
    ]


def _waiting(job: Job | None, known: Known, at: float) -> Facts:
    if job is None or job.phase is not Phase.PENDING:
        return []
    reason = reasons.explain(job.reason)
    facts = [
        ("reason", job.reason or "none given yet"),
        ("in words", f"it {reason.sentence}"),
        ("what helps", reason.remedy),
        ("dependency", "" if job.dependency in ("", "(null)") else job.dependency),
        ("position", "" if is_held(job) else position(job, known)),
    ]
    if job.expected_start:
        away = job.expected_start - at
        when = f"{_moment(job.expected_start)}, in about {values.duration_text(int(away) // 60 * 60)}"
        facts.append(("expected start", f"{when} (the scheduler's estimate: it may be earlier or later)"))
    elif not is_held(job):
        facts.append(("expected start", "the scheduler has made no estimate yet"))
    return facts


def position(job: Job, known: Known) -> str:
    """Where a job stands among all that waits in its partition, by priority."""
    if known.queue is None:
        return ""
    own = next((priority for raw, priority in known.queue if raw == job.id), None)
    if own is None:
        return ""
    before = sum((priority, -raw) > (own, -job.id) for raw, priority in known.queue if raw != job.id)
    seen = ", as far as you can see: the site hides other users' jobs" if known.private else ""
    return f"{before + 1} of {len(known.queue)} that wait in {job.partition}, by priority{seen}"


def _end(known: Known, record: Accounted | None) -> Facts:
    end = _ended(known, record)
    if end is None:
        return []
    sentence, remedy = ends.explain(end)
    told = end.exit_status is not None and (end.exit_status or not end.exit_signal)
    signal = f"{end.exit_signal} {ends.signal_name(end.exit_signal)}".strip() if end.exit_signal else ""
    return [
        ("cause", f"it {sentence}"),
        ("what to do", remedy),
        ("exit status", str(end.exit_status) if told else ""),
        ("signal", signal),
        ("highest of its steps", str(end.derived_status) if end.derived_status else ""),
    ]


def _times(job: Job | None, record: Accounted | None) -> Facts:
    submitted = job.submitted_at if job else record.submitted_at if record else None
    started = job.started_at if job else record.started_at if record else None
    ended = record.ended_at if record else job.ends_at if job and job.phase.ended else None
    limit = job.time_limit if job else record.time_limit if record else None
    used = job.elapsed if job else record.elapsed if record else None
    running = job is not None and not job.phase.ended and job.phase is not Phase.PENDING
    waited = "" if submitted is None or started is None else values.duration_text(int(started - submitted))
    return [
        ("submitted", _moment(submitted)),
        ("eligible", _moment(record.eligible_at) if record else ""),
        ("started", _moment(started)),
        ("waited", waited),
        ("ended", _moment(ended)),
        ("ends at the latest", _moment(job.ends_at) if job and running else ""),
        ("elapsed", values.duration_text(used) if used else ""),
        ("time limit", _limit(limit)),
    ]


def _limit(limit: int | None) -> str:
    return "" if limit is None else "none" if limit == UNLIMITED else values.duration_text(limit)


def _resources(job: Job | None, record: Accounted | None, known: Known) -> Facts:
    shown = known.shown.fields if known.shown else {}
    source = job or record
    if source is None:
        return []
    return [
        ("nodes", str(source.nodes or "")),
        ("node list", source.node_list),
        ("batch host", job.batch_host if job else ""),
        ("CPUs", str(source.cpus or "")),
        ("memory", ends.memory(source.memory_mib or (record.asked_memory_mib if record else None))),
        ("GPUs", str(source.gpus or "")),
        ("all resources", values.word(shown.get("TRES", "")) or known.more.get("tres_alloc_str", "")),
    ]


def _efficiency(job: Job | None, record: Accounted | None, known: Known) -> Facts:
    facts: Facts = []
    elapsed = record.elapsed if record else job.elapsed if job else None
    cpus = record.cpus if record else job.cpus if job else 0
    seconds = record.cpu_seconds if record else None
    if known.usage and (seconds is None or not (record and record.phase.ended)):
        # Accounting learns the use of a step at its end; what runs is asked from the nodes.
        ended = sum(each.cpu_seconds or 0 for each in known.accounted if each.step and each.phase.ended)
        seconds = ended + sum((each.cpu_seconds or 0) * max(1, each.tasks) for each in known.usage)
    if seconds is not None and elapsed and cpus:
        share = 100 * seconds / (elapsed * cpus)
        facts.append(
            (
                "CPU",
                f"{share:.0f} % of {cpus} {'CPU' if cpus == 1 else 'CPUs'}: {seconds:.0f} s of CPU time "
                f"in {values.duration_text(elapsed)}",
            )
        )
    asked = record.asked_memory_mib or record.memory_mib if record else job.memory_mib if job else None
    seen = [each.memory_used_mib for each in known.accounted if each.memory_used_mib]
    seen += [each.memory_mib for each in known.usage if each.memory_mib]
    if seen:
        most = max(seen)
        of = f", {100 * most / asked:.0f} % of the {ends.memory(asked)} asked for" if asked else ""
        facts.append(("memory", f"{ends.memory(most)} in its largest task{of}"))
    elif record is not None and record.phase.ended:
        facts.append(("memory", "not measured: it ended before Slurm looked, or the site does not measure"))
    return facts


def _files(job: Job | None, record: Accounted | None, known: Known) -> Facts:
    shown = known.shown.fields if known.shown else {}

    def path(key: str, json_key: str) -> str:
        return values.word(shown.get(key, "")) or known.more.get(json_key, "")

    lines = known.script.count("\n")
    return [
        ("directory", job.work_dir if job else record.work_dir if record else ""),
        ("command", path("Command", "command")),
        ("submitted as", record.submit_line if record else ""),
        ("output", path("StdOut", "standard_output")),
        ("errors", path("StdErr", "standard_error")),
        ("input", path("StdIn", "standard_input")),
        ("script", f"{lines} lines" if known.script else ""),
    ]


def _steps(known: Known) -> Facts:
    facts: Facts = []
    usage = {each.step: each for each in known.usage}
    told = set()
    for each in known.accounted:
        if not each.step:
            continue
        told.add(each.step)
        words = [each.state.lower()]
        if each.phase.ended:
            words.append(_code(each))
        words.append(values.duration_text(each.elapsed or 0))
        if each.cpu_seconds:
            words.append(f"{each.cpu_seconds:.1f} s of CPU")
        now = usage.get(each.step)
        memory = each.memory_used_mib or (now.memory_mib if now else None)
        if memory:
            words.append(f"{ends.memory(memory)} memory")
        facts.append((f"{each.step} {visible(each.name)[:40]}".strip(), ", ".join(filter(None, words))))
    for step in known.running_steps:
        if step.step not in told:
            where = f" on {step.node_list}" if step.node_list else ""
            words = [f"running{where}", values.duration_text(step.elapsed)]
            if (now := usage.get(step.step)) and now.memory_mib:
                words.append(f"{ends.memory(now.memory_mib)} memory")
            facts.append((f"{step.step} {visible(step.name)[:40]}".strip(), ", ".join(words)))
    return facts


def _code(each: Accounted) -> str:
    if each.exit_signal:
        return f"signal {each.exit_signal} {ends.signal_name(each.exit_signal)}".strip()
    return "" if each.exit_status is None else f"exit status {each.exit_status}"


def _lives(known: Known, record: Accounted | None) -> Facts:
    facts: Facts = []
    for each in known.accounted:
        if not each.step and each is not record:
            words = [each.state.lower(), visible(each.node_list), values.duration_text(each.elapsed or 0)]
            facts.append((f"submitted {_moment(each.submitted_at)}", ", ".join(filter(None, words))))
    return facts


def _rest(known: Known) -> Facts:
    if known.shown is None:
        return [
            (key, _written(key, text))
            for key, text in sorted(known.more.items())
            # JSON says 0 for everything that was not asked for.
            if key not in _TOLD_JSON and text not in ("0", "0:0", "no", "unlimited", "NOT_SET")
        ]
    return [
        (key, _written(key, values.word(text)) + (_DOUBT if key in known.shown.doubtful else ""))
        for key, text in known.shown.fields.items()
        if key not in _TOLD and values.word(text.strip())
    ]


def _written(key: str, text: str) -> str:
    """A point in time as people write it; everything else as it is."""
    at = values.timestamp(text) if key.endswith(("Time", "Eval", "_time", "_evaluation")) else None
    return _moment(at) if at else text


def _moment(at: float | None) -> str:
    return "" if at is None else f"{datetime.fromtimestamp(at):%Y-%m-%d %H:%M:%S}"


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at):%a %Y-%m-%d %H:%M}"


def _known(facts: Facts) -> Facts:
    """The facts that have a value, harmless on one line."""
    return [(label, visible(value)) for label, value in facts if value.strip()]
