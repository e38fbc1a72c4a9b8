"""Which transport a host gets."""

from __future__ import annotations

import getpass
import socket
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConnectFailed
from .base import Asker, Transport
from .config import Printed, printed_by
from .local import LocalTransport
from .openssh import OpensshTransport
from .ssh import SshTransport


@dataclass(frozen=True, slots=True)
class Route:
    """How a person says a host is to be reached.

    ``transport`` is auto, ssh, openssh or local; ``login_hosts`` are tried in this order
    (none: the host's own name); ``user`` goes before the SSH configuration's.
    """

    transport: str = "auto"
    login_hosts: tuple[str, ...] = ()
    user: str = ""


async def choose(
    host: str,
    *,
    ssh_config: Path | None = None,
    asker: Asker | None = None,
    route: Route = Route(),  # frozen
    binary: str = "ssh",
) -> Transport:
    """The transport for ``host``, not yet connected.

    ``local``, ``localhost`` and this machine's name mean no SSH at all, unless the SSH
    configuration gives that name a meaning of its own. A live ControlMaster is ridden;
    otherwise, and without an ssh program, sactui connects by itself. A transport that a
    person asks for is taken, and says at its first connect what it lacks.
    """
    wanted = route.transport
    if wanted == "local" or (wanted == "auto" and host == "local"):
        return LocalTransport(host)
    if wanted != "ssh":
        found = await _configuration(host, ssh_config, route.user, binary)
        if wanted == "auto" and not route.login_hosts and _is_here(host, found):
            return LocalTransport(host)
        shared: OpensshTransport | None = None
        for name in route.login_hosts or (host,):
            printed = found if name == host else await _configuration(name, ssh_config, route.user, binary)
            path = _one(printed, "controlpath", "none")
            candidate = OpensshTransport(
                host,
                "" if path == "none" else path,
                target=name,
                ssh_config=ssh_config,
                binary=binary,
                user=route.user,
            )
            if path != "none" and await candidate.alive():
                return candidate
            shared = shared or candidate
        if wanted == "openssh" and shared is not None:
            return shared
    return SshTransport(
        host,
        ssh_config=ssh_config,
        asker=asker,
        login_hosts=route.login_hosts,
        user=route.user,
        binary=binary,
    )


async def _configuration(host: str, ssh_config: Path | None, user: str, binary: str) -> Printed:
    """What ``ssh -G`` says of a host; empty when it says nothing: the dial tells why."""
    try:
        return await printed_by(host, ssh_config, user or None, binary=binary) or {}
    except ConnectFailed:
        return {}


def _one(printed: Printed, keyword: str, default: str) -> str:
    values = printed.get(keyword)
    return values[0] if values else default


def _is_here(host: str, printed: Printed) -> bool:
    if host not in ("localhost", socket.gethostname()):
        return False
    usual = {"hostname": host, "port": "22", "user": getpass.getuser()}
    return all(_one(printed, key, value) == value for key, value in usual.items())
