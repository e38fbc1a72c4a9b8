"""What a new user may mean: the hosts that ``~/.ssh/config`` already names.

Only names are read here, as OpenSSH reads them (with Include); what they mean is
resolved when one is dialled.
"""

from __future__ import annotations

import glob
import shlex
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import SactuiError
from ..transport.base import Transport
from .link import HostLink

#: Hosts of code forges are in most people's files, and have no Slurm.
_FORGES = ("github.com", "gitlab.com", "bitbucket.org", "codeberg.org", "git.sr.ht")


@dataclass(frozen=True, slots=True)
class Probe:
    """What one login showed: ``good`` when Slurm answered there."""

    good: bool
    what: str
    remedy: str = ""


async def probe(open_transport: Callable[[str], Awaitable[Transport]], name: str) -> Probe:
    """Log in once, ask who and where we are, and leave again. Never raises for what the host does.

    Only ever called because a person asked: a login may want a password or push to a phone.
    """
    try:
        link = HostLink(await open_transport(name), lambda: None)
        try:
            await link.ready()
        finally:
            await link.close()
    except SactuiError as error:
        return Probe(False, error.message.removeprefix(f"{name}: "), error.remedy)
    hello = link.hello
    if hello is None or not hello.slurm_version:
        return Probe(False, "no Slurm here", "if it comes with a module, load it in your login profile there")
    if not hello.cluster:
        return Probe(False, f"{hello.slurm_version}, but its controller does not answer", "try again later")
    return Probe(True, f"{hello.slurm_version} on {hello.cluster} as {hello.user}, {link.transport.kind}")


def hosts(config: Path | None = None) -> tuple[str, ...]:
    """Aliases of an OpenSSH configuration, in its order, without patterns and code forges.

    A file that is missing or cannot be read names nothing.
    """
    names: dict[str, None] = {}
    for name in _names(config or Path("~/.ssh/config").expanduser(), ()):
        forge = any(name == forge or name.endswith(f".{forge}") for forge in _FORGES)
        if not forge and not set(name) & set("*?!%"):
            names[name] = None
    return tuple(names)


def _names(file: Path, outer: tuple[Path, ...]) -> Iterator[str]:
    if file.resolve() in outer:
        return  # it includes itself
    try:
        text = file.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return
    for line in text.splitlines():
        words = _words(line)
        keyword, values = words[0].lower() if words else "", words[1:]
        if keyword == "host":
            yield from values
        elif keyword == "include":
            for value in values:
                # As ssh does: relative paths are below ~/.ssh.
                pattern = Path("~/.ssh").expanduser() / Path(value).expanduser()
                for found in sorted(glob.glob(str(pattern))):
                    yield from _names(Path(found), (*outer, file.resolve()))


def _words(line: str) -> list[str]:
    line = line.strip()
    if not line or line.startswith("#"):
        return []
    keyword, equals, rest = line.partition("=")
    if equals and len(keyword.split()) == 1:
        line = f"{keyword.strip()} {rest}"
    try:
        return shlex.split(line, comments=True)
    except ValueError:
        return line.split()
