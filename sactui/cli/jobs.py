"""``sactui jobs``: list, show, and the actions on jobs."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import Any

from ..core import job_choice
from ..core.controller import Controller
from ..core.job_verbs import Target
from ..core.jobs import look_at_jobs
from ..domain.details import Details
from ..domain.job import Job
from ..domain.text import visible
from ..errors import Refused, SactuiError, TransportError
from ..slurm import reasons, values
from .context import carry_out, looked, print_json, stamp
from .lists import complain, job_json, reachable, table


def run(args: argparse.Namespace) -> int:
    """Dispatch on the action; none lists."""
    return looked(args, {None: lister, "show": show}.get(args.action, act)(args))


def lister(args: argparse.Namespace) -> Any:
    """``sactui jobs [--all-users]``."""

    async def work(controller: Controller) -> int:
        fleet = controller.fleet
        jobs, failed = await _all(controller) if args.all_users else (list(fleet.jobs), 0)
        if args.json:
            print_json([json_of(host, job, fleet.jobs_at.get(host)) for host, job in jobs])
        else:
            several = len(fleet.hosts) > 1
            who = ("USER",) if args.all_users else ()
            table(
                ("JOB", "NAME", *who, "STATE", "PARTITION", "TIME", "NODES", "WHY"),
                [
                    (
                        f"{host}:{job.label}" if several else job.label,
                        job.name[:60],
                        *((job.user,) if args.all_users else ()),
                        job.state,
                        job.partition,
                        f"{values.duration_text(job.elapsed)}/{_limit(job)}",
                        job.node_list or "-",
                        why(job),
                    )
                    for host, job in jobs
                ],
                "no jobs are in the queue" if fleet.jobs_at else "the queue could not be read",
            )
            for host in fleet.hosts:
                if args.all_users and fleet.private.get(host.name):
                    print(f"{host.name}: only your own jobs are visible (PrivateData)", file=sys.stderr)
        complain(fleet)
        return reachable(fleet) or (4 if failed == len(fleet.hosts) else 3 if failed else 0)

    return work


async def _all(controller: Controller) -> tuple[list[tuple[str, Job]], int]:
    """All users' jobs of every host that answered a moment ago, and how many did not this time."""
    names = [host.name for host in controller.fleet.hosts if host.name in controller.fleet.jobs_at]
    hosts = [await controller.host(name) for name in names]
    looks = (look_at_jobs(host.link, all_users=True) for host in hosts)
    jobs: list[tuple[str, Job]] = []
    failed = 0
    for name, answer in zip(names, await asyncio.gather(*looks, return_exceptions=True), strict=True):
        if isinstance(answer, SactuiError):
            failed += 1
            _say(answer, 4)
        elif isinstance(answer, BaseException):
            raise answer
        else:
            jobs += [(name, job) for job in answer]
    return jobs, failed


def _limit(job: Job) -> str:
    return "-" if job.time_limit is None else values.duration_text(job.time_limit)


def why(job: Job) -> str:
    """Slurm's reason in words; empty for none."""
    if not job.reason or job.reason == "None":
        return ""
    reason = reasons.explain(job.reason)
    return f"{reason.sentence} ({job.reason})" if reason.known else reason.sentence


def json_of(host: str, job: Job, at: float | None) -> dict[str, Any]:
    """One record of the queue; a folded array says how many tasks it stands for."""
    return {
        **job_json(host, job, at),
        "raw_id": job.id,
        "array_job": job.array_job,
        "array_tasks": job.array_tasks or None,
        "tasks": job.tasks,
        "tasks_exact": job.tasks_exact,
        "het_job": job.het_job,
        "het_offset": job.het_offset,
        "why": why(job),
        "expected_start": stamp(job.expected_start),
        "restarts": job.restarts,
        "account": job.account,
        "qos": job.qos,
        "dependency": job.dependency or None,
    }


# -- one job ------------------------------------------------------------------------------


def show(args: argparse.Namespace) -> Any:
    """``sactui jobs show JOBID...``."""

    async def work(controller: Controller) -> int:
        shown, codes = [], set()
        for text in args.job:
            try:
                shown.append(await _details(controller, text))
                codes.add(0)
            except TransportError as error:
                codes.add(_say(error, 4))
            except SactuiError as error:
                codes.add(_say(error, 4 if error.layer == "controller" else 1))
        if args.json:
            print_json([details_json(each) for each in shown])
        else:
            for each in shown:
                print_details(each)
        return codes.pop() if len(codes) == 1 else 3 if 0 in codes else max(codes)

    return work


async def _details(controller: Controller, text: str) -> Details:
    found = job_choice.choose(text, controller.fleet.jobs)
    if found:
        host, target = found[0]
        return await controller.job_details(host, target.job.id, target)
    # Not of ours, or forgotten by the controller: accounting may know it.
    host, identity = job_choice.parse(text)
    names = [host] if host else [view.name for view in controller.fleet.hosts]
    if not names:
        raise Refused("no host is known", "name one: --host H")
    problem: SactuiError | None = None
    for name in names:
        try:
            return await controller.job_details(name, identity)
        except SactuiError as error:
            problem = error
    assert problem is not None
    raise problem


def _say(error: SactuiError, code: int) -> int:
    print(f"sactui: {error.message}", file=sys.stderr)
    if error.remedy:
        print(f"  {error.remedy}", file=sys.stderr)
    return code


def details_json(details: Details) -> dict[str, Any]:
    """The details of one job as JSON: words for people, by part and label."""
    return {
        "host": details.host,
        "job": details.name,
        "headline": details.headline,
        "remedy": details.remedy,
        "parts": [
            {
                "title": part.title,
                "facts": [{"label": label, "value": value} for label, value in part.facts],
                "text": part.text.encode("utf-8", "backslashreplace").decode("utf-8") or None,
            }
            for part in details.parts
        ],
        "missing": [{"source": name, "why": why_} for name, why_ in details.missing],
        "observed_at": stamp(details.at),
        "source": ", ".join(details.sources),
    }


def print_details(details: Details) -> None:
    """The details for people: every part under its title."""
    print(f"job {details.name} on {details.host}")
    print(f"  {visible(details.headline)}")
    if details.remedy:
        print(f"  what to do: {visible(details.remedy)}")
    for part in details.parts:
        print(f"\n{part.title}")
        width = max((len(label) for label, _ in part.facts), default=0)
        for label, value in part.facts:
            print(f"  {visible(label):{width}}  {visible(value)}")
        for line in part.text.splitlines():
            print(f"  {visible(line)}")
    for name, reason in details.missing:
        print(f"\n{name} could not be asked: {visible(reason)}", file=sys.stderr)


# -- actions ------------------------------------------------------------------------------


def act(args: argparse.Namespace) -> Any:
    """``sactui jobs cancel|hold|release|requeue|signal|time JOBID...``."""
    options = {}
    if args.action == "signal":
        options = {"signal": args.signal, "to": args.to}
    elif args.action == "time":
        options = {"time": args.limit}

    async def work(controller: Controller) -> int:
        if code := reachable(controller.fleet):
            complain(controller.fleet)
            if code == 4:
                return 4
        targets = await chosen(controller, args.job)
        return await carry_out(args, controller, controller.plan_jobs(args.action, targets, **options))

    return work


async def chosen(controller: Controller, texts: list[str]) -> list[tuple[str, Target]]:
    """The jobs that are meant, each once. Raises Refused for one that no queue has."""
    found: dict[tuple[str, str], tuple[str, Target]] = {}
    jobs = controller.fleet.jobs
    for text in texts:
        some = job_choice.choose(text, jobs)
        if not some:
            # Perhaps another user's: an administrator's business.
            some = await _elsewhere(controller, text)
        for host, target in some:
            found[host, target.label] = (host, target)
    return list(found.values())


async def _elsewhere(controller: Controller, text: str) -> list[tuple[str, Target]]:
    host, identity = job_choice.parse(text)
    names = [view.name for view in controller.fleet.hosts if host in ("", view.name)]
    jobs: list[tuple[str, Job]] = []
    for name in names:
        if name in controller.fleet.jobs_at:
            link = (await controller.host(name)).link
            jobs += [(name, job) for job in await look_at_jobs(link, ids=[identity])]
    some = job_choice.choose(text, jobs)
    if not some:
        where = ", ".join(names) or "any host"
        raise Refused(f"there is no job {text} in the queue of {where}", "see: sactui jobs")
    return some
