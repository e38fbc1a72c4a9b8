"""Which transport a host gets."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Sequence
from pathlib import Path

from .base import Asker, Transport
from .local import LocalTransport
from .openssh import OpensshTransport, check, output
from .ssh import SshTransport

#: Seconds the local ssh program may take to read its configuration: ``Match exec`` lines
#: can hang.
_CONFIGURATION = 5.0


async def choose(
    host: str,
    *,
    ssh_config: Path | None = None,
    asker: Asker | None = None,
    login_hosts: Sequence[str] = (),
    binary: str = "ssh",
) -> Transport:
    """The transport for ``host``, not yet connected.

    ``local``, ``localhost`` and this machine's name mean no SSH at all, unless the SSH
    configuration gives that name a meaning of its own. A live ControlMaster is ridden;
    otherwise, and without an ssh program, sactui connects by itself.
    """
    if host == "local":
        return LocalTransport(host)
    found = await _configuration(host, ssh_config, binary)
    if _is_here(host, found):
        return LocalTransport(host)
    for name in login_hosts or (host,):
        configuration = found if name == host else await _configuration(name, ssh_config, binary)
        control_path = configuration.get("controlpath", "none")
        if control_path == "none":
            continue
        config = ["-F", str(ssh_config)] if ssh_config is not None else []
        if await check([binary, *config, "-o", f"ControlPath={control_path}", "-O", "check", "--", name]):
            return OpensshTransport(host, control_path, target=name, ssh_config=ssh_config, binary=binary)
    return SshTransport(host, ssh_config=ssh_config, asker=asker, login_hosts=login_hosts)


async def _configuration(host: str, ssh_config: Path | None, binary: str) -> dict[str, str]:
    """What ``ssh -G`` says of a host; empty when it says nothing."""
    config = ["-F", str(ssh_config)] if ssh_config is not None else []
    text = await output([binary, *config, "-G", "--", host], _CONFIGURATION)
    lines = (line.partition(" ") for line in (text or "").splitlines())
    return {key.lower(): value for key, _, value in lines}


def _is_here(host: str, configuration: dict[str, str]) -> bool:
    if host not in ("localhost", socket.gethostname()):
        return False
    user = getpass.getuser()
    usual = {"hostname": host, "port": "22", "user": user}
    return all(configuration.get(key, value) == value for key, value in usual.items())
