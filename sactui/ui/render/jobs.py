"""The jobs' table: what is asked for, for how long, and why it is not running."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ...domain.fleet import Fleet
from ...domain.job import UNLIMITED, Job
from ...domain.state import Phase
from ...domain.text import visible
from ..table.row import EMPTY, Cell, LazyRows, Row, cell
from ..table.widths import Column
from . import staleness, words

TITLE = "JOBS"
HostJob = tuple[str, Job]

COLUMNS: tuple[Column, ...] = (
    Column("id", min_width=6, max_width=18, priority=2, whole=True),
    Column("name", min_width=8, max_width=24, priority=3),
    Column("user", min_width=4, max_width=12, priority=9, collapse=True, whole=True),
    Column("glyph", min_width=1, max_width=1, priority=1),
    Column("state", min_width=7, max_width=10, gap=1, priority=4, whole=True),
    Column("partition", min_width=4, max_width=12, priority=14, whole=True),
    Column("node", min_width=4, max_width=14, priority=13, whole=True),
    Column("cpus", min_width=3, max_width=6, align="right", priority=16, whole=True),
    Column("memory", min_width=3, max_width=6, align="right", gap=1, priority=17, whole=True),
    Column("gpus", min_width=2, max_width=4, align="right", gap=1, priority=18, collapse=True, whole=True),
    Column("elapsed", min_width=4, max_width=7, align="right", priority=6, flash=False, whole=True),
    Column("limit", min_width=4, max_width=10, gap=1, priority=15, whole=True),
    Column("tasks", min_width=3, max_width=8, priority=19, collapse=True, whole=True),
    Column("why", min_width=24, max_width=80, flex=1, priority=7),
    Column("host", min_width=5, max_width=14, priority=30, collapse=True, whole=True),
    staleness.COLUMN,
)

SORTS: Mapping[str, Callable[[HostJob], tuple[object, ...]]] = {
    "id": lambda item: (item[0], item[1].id),
    "name": lambda item: (item[1].name, item[1].id),
    "state": lambda item: (item[1].phase.value, item[1].id),
    "partition": lambda item: (item[1].partition, item[1].id),
    "user": lambda item: (item[1].user, item[1].id),
    "cpus": lambda item: (-item[1].cpus, item[1].id),
    "elapsed": lambda item: (-item[1].elapsed, item[1].id),
    "left": lambda item: (item[1].ends_at or float("inf"), item[1].id),
}


def reason(job: Job) -> str:
    """The sentence used when nobody explains better: Slurm's own reason."""
    return "" if job.reason in ("", "None") else job.reason


def rows(
    fleet: Fleet,
    now: float,
    *,
    explain: Callable[[Job], str] = reason,
    jobs: Sequence[HostJob] | None = None,
    glyphs: words.Glyphs = words.UNICODE,
) -> LazyRows[HostJob]:
    """The rows of a snapshot at ``now``; ``jobs`` if already filtered and sorted.

    ``explain`` turns a job into the sentence that says why it is as it is.
    """
    hosts = staleness.hosts_of(fleet)
    several = len(hosts) > 1

    def build(item: HostJob) -> Row:
        host, job = item
        view = hosts.get(host)
        seen = staleness.seen(view, fleet.jobs_at.get(host), now)
        own = view is None or not view.user or job.user == view.user
        tone = job.phase.value
        return Row(
            key(host, job),
            (
                cell(visible(job.label), "text"),
                cell(visible(job.name), "text"),
                EMPTY if own else cell(visible(job.user), "dim"),
                cell(glyphs.phases[job.phase], tone),
                cell(phase_word(job), tone),
                cell(visible(job.partition), "dim"),
                cell(visible(job.batch_host or job.node_list) or "-", "dim"),
                cell(f"{job.cpus}c"),
                cell(words.memory(job.memory_mib)) if job.memory_mib else cell("-", "dim"),
                cell(f"{job.gpus}g") if job.gpus else EMPTY,
                _elapsed(job, None if seen.stale else fleet.jobs_at.get(host), now),
                _limit(job),
                _tasks(job, glyphs),
                cell(visible(_why(job, now, explain)), "text" if job.phase is Phase.ERROR else "dim"),
                cell(host, "dim") if several else EMPTY,
                cell(seen.text, "dim"),
            ),
            dim=seen.stale,
        )

    return LazyRows(fleet.jobs if jobs is None else jobs, lambda item: key(*item), build)


def phase_word(job: Job) -> str:
    """The phase in a word; what ended badly is ``failed``, the cause stands beside it."""
    return "failed" if job.phase is Phase.ERROR else job.phase.value


def _why(job: Job, now: float, explain: Callable[[Job], str]) -> str:
    sentence = explain(job)
    if sentence or job.phase is not Phase.RUNNING or job.ends_at is None:
        return sentence
    return f"ends {words.clock_time(job.ends_at, now)}"


def _elapsed(job: Job, at: float | None, now: float) -> Cell:
    """Its run time as the controller said at ``at``; a running job has gone on since then.

    With ``at`` None nothing is added: of a host that does not answer nobody knows that.
    """
    if job.phase is Phase.PENDING:
        return cell("-", "dim")
    since = now - at if at is not None and job.phase is Phase.RUNNING else 0.0
    return cell(words.duration(job.elapsed + max(0.0, since)))


def _limit(job: Job) -> Cell:
    if job.time_limit is None or job.phase.ended:
        return EMPTY
    return cell("/ no limit" if job.time_limit == UNLIMITED else f"/ {words.duration(job.time_limit)}", "dim")


def _tasks(job: Job, glyphs: words.Glyphs) -> Cell:
    count = words.array_size(job.array_tasks) if job.array_tasks.startswith("[") else None
    return cell(f"{glyphs.times} {count}", "dim") if count is not None else EMPTY


def key(host: str, job: Job) -> tuple[str, int]:
    """What a row is found again by."""
    return (host, job.id)
