"""What a booking needs to know before it is submitted: asked on demand.

One exec asks for everything; a part that fails is unknown, with its reason, and takes
nothing else along. :func:`check` judges a wish by what came back.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable
from typing import TypeVar

from .. import clock
from ..domain.limits import Limits
from ..errors import ProtocolError, SlurmError
from ..slurm import errors as slurm_errors
from ..slurm import records, sacctmgr, scontrol, sinfo, sshare
from ..transport.script import Answer, Section
from .fitting import check, wish_of
from .link import HostLink

T = TypeVar("T")

#: Seconds for which an answer is good enough for a form that is open.
FRESH = 120.0


class LimitsKeeper:
    """The limits of one host, asked when they are wanted and older than wanted."""

    def __init__(self, link: HostLink) -> None:
        self._link = link
        self._known: Limits | None = None
        self._asking = asyncio.Lock()

    @property
    def known(self) -> Limits | None:
        """What was asked last, however old."""
        return self._known

    async def get(self, max_age: float = FRESH) -> Limits:
        """Limits that are at most ``max_age`` seconds old; raises as :func:`ask`."""
        async with self._asking:
            if self._known is None or clock.now() - self._known.at > max_age:
                self._known = await ask(self._link)
            return self._known


async def ask(link: HostLink, *, timeout: float = 20.0) -> Limits:
    """Ask one host for its limits, in one exec. Raises TransportError."""
    able, user = link.able, link.hello.user if link.hello else ""
    tokens = records.fresh()
    argvs = {
        "partitions": sinfo.partition_command(tokens, able),
        "rules": scontrol.show_partitions_command(),
        "nodes": sinfo.node_command(tokens, able),
        "maintenances": scontrol.show_windows_command(),
        "accounts": sacctmgr.association_command(user),
        "default account": sacctmgr.default_account_command(user),
        "qos": sacctmgr.qos_command(),
        "budgets": sshare.command(),
    }
    sections = [Section(name, shlex.join(argv), timeout) for name, argv in argvs.items()]
    answers = await link.ask(*sections, timeout=timeout * 5)
    missing: dict[str, str] = {}

    def part(name: str, parse: Callable[[bytes], T]) -> T | None:
        try:
            return parse(answered(name, answers.get(name)))
        except (SlurmError, ProtocolError) as error:
            missing[name] = error.message
            return None

    partitions = part("partitions", lambda data: _whole(sinfo.parse_partitions(data, tokens, able)))
    rules = part("rules", scontrol.parse_partitions)
    return Limits(
        host=link.host,
        at=clock.now(),
        user=user,
        partitions=None if partitions is None else scontrol.with_rules(partitions, rules or ()),
        nodes=part("nodes", lambda data: _whole(sinfo.parse_nodes(data, tokens, able))),
        windows=part("maintenances", scontrol.parse_windows),
        associations=part("accounts", lambda data: sacctmgr.parse_associations(data)[0]),
        qos=part("qos", lambda data: sacctmgr.parse_qos(data)[0]),
        budgets=part("budgets", lambda data: sshare.parse(data)[0]),
        default_account=part("default account", sacctmgr.parse_default_account) or "",
        missing=missing,
    )


def answered(name: str, answer: Answer | None) -> bytes:
    """What a section printed. Raises SlurmError when it failed, also with exit status 0."""
    if answer is None or not answer.complete or answer.timed_out:
        raise SlurmError(f"{name}: no answer in time", layer="controller")
    stderr = answer.stderr.decode("utf-8", "replace")
    if answer.exit_status or (not answer.stdout.strip() and "error" in stderr.lower()):
        raise slurm_errors.classify(stderr or answer.stdout[-500:].decode("utf-8", "replace"))
    return answer.stdout


def _whole(read: tuple[tuple[T, ...], tuple[records.RecordError, ...]]) -> tuple[T, ...]:
    found, errors = read
    if errors:
        raise ProtocolError(f"an answer of sinfo cannot be read: {errors[0].why}")
    return found


__all__ = ["FRESH", "LimitsKeeper", "ask", "check", "wish_of"]
