"""``doctor``: what works, what does not and how to mend it, and what cannot be tested; and what sactui costs.

Nothing is changed. Every check is one of three: good, bad with a remedy, or untested with
the reason; a check that could not be made is never good.
"""

from __future__ import annotations

import asyncio
import locale
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from .. import clock
from ..domain.fleet import Reservation
from ..domain.spoken import spoken
from ..domain.state import Link, Phase
from ..errors import SactuiError
from ..slurm import records, sdiag, squeue, version
from ..terminal.library import preload
from ..transport.script import Answer, Section
from . import tenants
from .fitting import nodes_submit
from .hosts import Host
from .link import configuration as slurm_configuration
from .poller import BRISK

if TYPE_CHECKING:
    from .controller import Controller


class Mark(StrEnum):
    """What became of one check."""

    GOOD = "good"
    BAD = "bad"
    UNTESTED = "untested"


@dataclass(frozen=True, slots=True)
class Check:
    """One check; ``host`` is empty for this machine."""

    host: str
    name: str
    mark: Mark
    what: str
    remedy: str = ""


def of_this_machine(controller: Controller, settings_source: str) -> tuple[Check, ...]:
    """The checks that need no host."""
    found = [Check("", "settings", Mark.GOOD, settings_source)]
    encoding = locale.getpreferredencoding(False)
    utf8 = encoding.lower().replace("-", "") == "utf8"
    found.append(
        Check("", "locale", Mark.GOOD, encoding)
        if utf8
        else Check("", "locale", Mark.BAD, f"{encoding}: screens are drawn in ASCII", "export LC_ALL=C.UTF-8")
    )
    if preload():
        found.append(Check("", "live panes", Mark.GOOD, "the terminal engine works"))
    else:
        what = "there is no terminal engine for this platform: A attaches with the whole terminal"
        found.append(Check("", "live panes", Mark.UNTESTED, what))
    for problem in controller.files.problems:
        found.append(Check("", problem.kind, Mark.BAD, f"{problem.where}: {problem.what}", problem.remedy))
    config = controller.configuration
    there = [str(path) for path in config.agent_directories if path.is_dir()]
    count = len(controller.files.definitions)
    found.append(
        Check("", "definitions", Mark.GOOD, f"{count} in {', '.join(there)}")
        if there
        else Check("", "definitions", Mark.UNTESTED, "no directory of definitions is there", "--agents DIR")
    )
    leases = config.lease_directory
    writable = os.access(_existing(leases), os.W_OK)
    found.append(
        Check("", "leases", Mark.GOOD, f"{len(controller.files.leases)} in {leases}")
        if writable
        else Check("", "leases", Mark.BAD, f"{leases} cannot be written", "check its permissions")
    )
    return tuple(found)


def _existing(path: Path) -> Path:
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


async def of_host(controller: Controller, name: str) -> tuple[Check, ...]:
    """All checks of one host. A host that cannot be reached has one bad check, and no others."""
    try:
        host = await controller.host(name)
        await host.link.ready()
    except SactuiError as error:
        return (Check(name, error.layer, Mark.BAD, error.message, error.remedy),)
    found = [_login(host)]
    try:
        answers = await host.link.ask(*_login_sections(), timeout=60)
        # A controller that is down makes each of its commands wait: then none is asked.
        up = "UP" in _text(answers.get("ping"))
        if up:
            answers |= await host.link.ask(*_controller_sections(host), timeout=60)
    except SactuiError as error:
        return (*found, Check(name, error.layer, Mark.BAD, error.message, error.remedy))
    found += _noise(host)
    found += _programs(name, answers.get("programs"))
    found += _slurm(host, answers)
    found += _login_node(name, answers)
    found += _site(host)
    if up:
        found += await _rules(host)
        found += await _allocations(controller, host)
        found += _load(host, answers.get("requests"))
    return tuple(found)


def reachable(checks: tuple[Check, ...]) -> bool:
    """Whether a host answered at all."""
    return not any(
        check.mark is Mark.BAD and check.name in ("ssh", "authentication", "timeout") for check in checks
    )


# -- asking ---------------------------------------------------------------------------------

_NEEDED = ("sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo")
_USEFUL = ("sacct", "sacctmgr", "sdiag", "sshare", "timeout")


def _login_sections() -> list[Section]:
    names = " ".join((*_NEEDED, *_USEFUL))
    return [
        Section("programs", f'for p in {names}; do printf "%s=%s\\n" $p "$(command -v $p)"; done'),
        Section("ping", "scontrol ping", 15),
        Section("limits", 'printf "%s\\n" "$(ulimit -t)" "$(ulimit -u 2>/dev/null || echo unlimited)"'),
        Section(
            "space",
            'df -Pk "$HOME" | awk \'NR==2 {print $4}\'; du -sk "$HOME/.sactui" 2>/dev/null | cut -f1; '
            'find "$HOME/.sactui" -type f 2>/dev/null | wc -l',
        ),
    ]


def _controller_sections(host: Host) -> list[Section]:
    user = host.link.hello.user if host.link.hello else ""
    argv = squeue.command(records.fresh(), user=user, ended=True, able=host.link.able)
    one_look = f"{shlex.join(argv)} >/dev/null 2>&1"
    return [
        Section("config", "scontrol show config", 15),
        # One look between two counts: what the controller itself counts for it.
        Section("requests", f"sdiag; echo; echo sactui-then; {one_look}; sdiag", 40),
    ]


def _text(answer: Answer | None) -> str:
    return answer.stdout.decode("utf-8", "replace") if answer is not None and answer.complete else ""


def _login(host: Host) -> Check:
    hello = host.link.hello
    assert hello is not None
    shell = hello.shell.rsplit("/", 1)[-1] or "sh"
    how = {"ssh": "an own connection", "openssh": "your ControlMaster", "local": "no SSH: this machine"}
    kind = host.link.transport.kind
    what = f"{hello.user} on {hello.node}, {shell}, over {how.get(kind, kind)}"
    return Check(host.link.host, "login", Mark.GOOD, f"{what}; nothing is forwarded")


def _noise(host: Host) -> list[Check]:
    if not host.link.login_noise:
        return []
    what = f"its login profile prints {host.link.login_noise} bytes; sactui ignores them"
    remedy = "print only in interactive shells: case $- in *i*) ... esac"
    return [Check(host.link.host, "profile", Mark.UNTESTED, what, remedy)]


def _programs(name: str, answer: Answer | None) -> list[Check]:
    there = dict(line.partition("=")[::2] for line in _text(answer).splitlines())
    if not there:
        return [Check(name, "programs", Mark.UNTESTED, "the login node did not say which programs it has")]
    missing = [program for program in _NEEDED if not there.get(program)]
    found = []
    if missing:
        remedy = "load Slurm in your login profile (module load slurm)"
        found.append(Check(name, "programs", Mark.BAD, f"not on PATH: {', '.join(missing)}", remedy))
    else:
        found.append(Check(name, "programs", Mark.GOOD, f"{', '.join(_NEEDED)} in {_directory(there)}"))
    absent = [program for program in _USEFUL if not there.get(program)]
    if absent:
        what = f"without {', '.join(absent)}: what they tell is not shown"
        found.append(Check(name, "programs", Mark.UNTESTED, what))
    return found


def _directory(there: Mapping[str, str]) -> str:
    return there["squeue"].rpartition("/")[0] or "?"


def _slurm(host: Host, answers: Mapping[str, Answer]) -> list[Check]:
    name, hello = host.link.host, host.link.hello
    assert hello is not None
    found = []
    ping = _text(answers.get("ping"))
    if "UP" in ping:
        found.append(Check(name, "controller", Mark.GOOD, f"{hello.slurm_version} on {hello.cluster}"))
    else:
        what = ping.strip().splitlines()[0] if ping.strip() else "it does not answer"
        found.append(Check(name, "controller", Mark.BAD, what, "wait: agents that run are not concerned"))
    for why in version.missing(host.link.able).values():
        found.append(Check(name, "slurm version", Mark.UNTESTED, why))
    config = slurm_configuration(_text(answers.get("config")))
    if hello.private:
        what = "only your own jobs are visible (PrivateData)"
        found.append(Check(name, "other users", Mark.UNTESTED, what))
    if steps := config.get("MaxStepCount", ""):
        found.append(Check(name, "steps", Mark.GOOD, f"up to {steps} a job; sactui needs one a console"))
    if config.get("ProctrackType", "").endswith("linuxproc"):
        what = "processes are tracked by their parents (proctrack/linuxproc), not by cgroups"
        found.append(Check(name, "processes", Mark.UNTESTED, what))
    if config.get("JobContainerType", "").endswith("tmpfs"):
        found.append(Check(name, "/tmp", Mark.GOOD, "private to each job; agents are reached through steps"))
    return found


def _login_node(name: str, answers: Mapping[str, Answer]) -> list[Check]:
    found = []
    limits = _text(answers.get("limits")).split()
    if limits and limits[0] not in ("unlimited", "0"):
        what = f"ulimit -t {limits[0]} on the login node; jobs do not get it (--propagate=NONE)"
        found.append(Check(name, "login limits", Mark.GOOD, what))
    if len(limits) > 1 and limits[1].isdigit() and int(limits[1]) < 100:
        what = f"ulimit -u {limits[1]} on the login node: a channel or terminal needs two processes there"
        found.append(Check(name, "login limits", Mark.BAD, what, "ask for more, or open fewer terminals"))
    space = _text(answers.get("space")).split()
    if space and space[0].isdigit():
        free = int(space[0]) // 1024
        good = free >= 100
        found.append(
            Check(
                name,
                "home",
                Mark.GOOD if good else Mark.BAD,
                f"{free} MiB free",
                "" if good else "scripts and logs of jobs need a few MiB: make room",
            )
        )
    if len(space) == 3:
        what = f"{space[2]} files, {space[1]} KiB in ~/.sactui"
        found.append(Check(name, "our files", Mark.GOOD, what, "doctor --purge removes those of ended jobs"))
    return found


def _site(host: Host) -> list[Check]:
    site, name = host.link.site, host.link.host
    found = []
    wishes = []
    if site.min_interval:
        wishes.append(f"a look every {site.min_interval:g} s at the most")
    if not site.all_users:
        wishes.append("no lists of other users' jobs")
    if not site.persistent:
        wishes.append("no persistent reservations")
    if site.max_channels is not None:
        wishes.append(f"{site.max_channels} open steps at the most")
    if wishes:
        found.append(Check(name, "site", Mark.GOOD, f"the site wishes: {'; '.join(wishes)}"))
    if site.message:
        found.append(Check(name, "site", Mark.UNTESTED, f"the site says: {site.message}"))
    for mistake in site.mistakes:
        found.append(Check(name, "site", Mark.UNTESTED, f"/etc/sactui/site.yaml: {mistake}"))
    return found


async def _rules(host: Host) -> list[Check]:
    """What the user's accounts allow, as far as it matters for reservations."""
    name = host.link.host
    try:
        limits = await host.limits.get()
    except SactuiError as error:
        return [Check(name, "accounts", Mark.UNTESTED, error.message)]
    found = []
    up = [p.name for p in limits.partitions or () if p.state.upper() == "UP"]
    if limits.partitions is not None:
        found.append(
            Check(name, "partitions", Mark.GOOD, f"open: {', '.join(up[:8])}{' …' if len(up) > 8 else ''}")
            if up
            else Check(name, "partitions", Mark.BAD, "no partition is up", "ask the site")
        )
    closed = [p.name for p in limits.partitions or () if not nodes_submit(p, limits)]
    if closed:
        what = f"nodes may not submit to {', '.join(closed[:8])}: there the console submits successors"
        found.append(Check(name, "persistent", Mark.UNTESTED, what))
    associations = limits.associations or ()
    if associations:
        accounts = ", ".join(sorted({a.account for a in associations}))
        found.append(Check(name, "accounts", Mark.GOOD, accounts))
        if any(a.max_submit == 1 for a in associations):
            what = "you may have one job: a persistent reservation's successor is submitted when it ends"
            found.append(Check(name, "persistent", Mark.UNTESTED, what))
    for part, why in limits.missing.items():
        found.append(Check(name, part, Mark.UNTESTED, why))
    return found


# -- inside allocations -----------------------------------------------------------------------

_NODE = r"""
printf 'tmux=%s\n' "$(tmux -V 2>/dev/null)"
printf 'claude=%s\n' "$(command -v claude)"
printf 'locale=%s\n' "$(locale charmap 2>/dev/null)"
printf 'proxy=%s\n' "${https_proxy:-$HTTPS_PROXY}"
printf 'sbatch=%s\n' "$(command -v sbatch)"
printf 'free=%s\n' "$(df -Pk "$HOME" | awk 'NR==2 {print int($4/1024)}')"
"""


async def _allocations(controller: Controller, host: Host) -> list[Check]:
    await host.poller.refresh()
    controller.compose()
    homes = [
        r
        for r in controller.fleet.reservations
        if r.host == host.link.host and r.phase is Phase.RUNNING and r.tmux_server
    ]
    if not homes:
        what = "tmux, claude, locale and proxy of the nodes show once a reservation runs"
        return [Check(host.link.host, "nodes", Mark.UNTESTED, what)]
    found: list[Check] = []
    for answer in await asyncio.gather(*(_allocation(host, home) for home in homes)):
        found += answer
    return found


async def _allocation(host: Host, home: Reservation) -> list[Check]:
    name, label = host.link.host, f"{home.name} on {home.node}"
    try:
        text = await host.steps.run(tenants.allocation(home), _NODE)
    except SactuiError as error:
        return [Check(name, label, Mark.BAD, error.message, error.remedy)]
    said = dict(line.partition("=")[::2] for line in text.splitlines())
    found = [Check(name, label, Mark.GOOD, f"{said.get('tmux')}, its server {home.tmux_server} answers")]
    if not said.get("claude"):
        remedy = "put its directory on PATH in the reservation's --setup"
        found.append(Check(name, label, Mark.UNTESTED, "claude is not on PATH there", remedy))
    if said.get("locale", "").upper() not in ("UTF-8", "UTF8"):
        what = f"its locale is {said.get('locale') or 'unknown'}; agents are started with C.UTF-8"
        found.append(Check(name, label, Mark.UNTESTED, what))
    proxy = said.get("proxy")
    what = f"agents reach the net through {proxy}" if proxy else "no https_proxy is set there"
    found.append(Check(name, label, Mark.GOOD if proxy else Mark.UNTESTED, what))
    if not said.get("sbatch"):
        what = "no sbatch there: persistent reservations are renewed by the console"
        found.append(Check(name, label, Mark.UNTESTED, what))
    if reason := host.steps.reason(home.job_id or 0):
        found.append(Check(name, label, Mark.UNTESTED, reason))
    return found


# -- what we cost -----------------------------------------------------------------------------


def _load(host: Host, answer: Answer | None) -> list[Check]:
    """Requests a minute, as the controller counts them."""
    name, poller = host.link.host, host.poller
    user = host.link.hello.user if host.link.hello else ""
    before, found, after = _text(answer).partition("sactui-then")
    first, second = sdiag.requests_of(before, user), sdiag.requests_of(after, user)
    interval = max(poller.interval, host.link.site.min_interval)
    brisk = max(min(BRISK, poller.interval), host.link.site.min_interval)
    checks = []
    if found and first is not None and second is not None and second > first:
        each = second - first - 1  # the second sdiag counts itself not yet, the first one is in it
        each = max(1, each)
        what = (
            f"a look is {each} requests to the controller: {60 / interval * each:.0f} a minute at a look "
            f"every {interval:g} s, {60 / brisk * each:.0f} for 20 s after an action of yours"
        )
        checks.append(Check(name, "load", Mark.GOOD, what))
        if since := sdiag.since(after):
            minutes = max(1.0, (clock.now() - since) / 60)
            what = (
                f"all programs of yours: {second} requests in {spoken(clock.now() - since)}, "
                f"{second / minutes:.1f} a minute"
            )
            checks.append(Check(name, "load", Mark.GOOD, what))
    else:
        what = f"a look every {interval:g} s, one squeue each; sdiag does not say what that is"
        checks.append(Check(name, "load", Mark.UNTESTED, what))
    state = "open" if host.link.state is Link.UP else host.link.state.value
    what = f"one connection ({state}), two processes on the login node per open allocation or terminal"
    checks.append(Check(name, "load", Mark.GOOD, what))
    return checks


__all__ = ["Check", "Mark", "of_host", "of_this_machine", "reachable"]
