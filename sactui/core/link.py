"""The link to one host: one warm connection, dialled again with back-off, and counted."""

from __future__ import annotations

import asyncio
import random
import shlex
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from .. import __version__, clock
from ..domain.fleet import Trouble
from ..domain.site import Site
from ..domain.state import Link
from ..errors import (
    AuthenticationFailed,
    ConnectFailed,
    ConnectionLost,
    HostKeyError,
    ProtocolError,
    TransportError,
)
from ..slurm import environment, squeue
from ..slurm.version import Capabilities, capabilities, parse_version
from ..spec import site
from ..transport.base import Completed, Transport
from ..transport.script import Answer, Section, build, split

#: Seconds before the first re-dial, and the most they grow to.
_FIRST_DELAY = 1.0
_LONGEST_DELAY = 300.0
#: Dials within one hour after which the next one waits for the longest delay.
_DIALS_PER_HOUR = 30


@dataclass(frozen=True, slots=True)
class Hello:
    """What a host says about itself, once per connection."""

    user: str
    home: str
    node: str
    shell: str
    slurm_version: str
    cluster: str
    #: True when the site hides other users' jobs (PrivateData)
    private: bool


class HostLink:
    """One host's connection and everything that may be asked through it.

    ``changed`` is called whenever state, trouble or next try change. The owner runs
    :meth:`ready` before asking, and :meth:`close` at the end.
    """

    def __init__(self, transport: Transport, changed: Callable[[], None], *, cluster: str = "") -> None:
        self.transport = transport
        self.host = transport.host
        self.state = Link.IDLE
        self.trouble: Trouble | None = None
        self.next_try: float | None = None
        self.latency: float | None = None
        #: What the newest squeue itself took, in seconds, without the way there and back.
        self.command_seconds = 0.0
        #: Whether the newest queue was so long that the next one is better packed.
        self.bulky = False
        self.hello: Hello | None = None
        #: The records of the newest queue, by their bytes.
        self.jobs_seen = squeue.Memory()
        #: Bytes that the login profile printed before anything was asked.
        self.login_noise = 0
        #: What the site wishes; read with every login.
        self.site = Site()
        self._login_environment = ""
        #: "-M" for a login that has several clusters
        self._cluster = environment.of_cluster(cluster)
        self._changed = changed
        self._failures = 0
        self._dials: deque[float] = deque()
        self._calls: deque[float] = deque()
        self._retry = asyncio.Event()
        self._dialling = asyncio.Lock()

    # -- the connection ---------------------------------------------------------------

    async def ready(self) -> None:
        """Return when the link is up; raises the TransportError of the failed dial.

        After a failure the next call waits for the back-off first, or for
        :meth:`retry_now`. After a login that needed a person it waits for the person.
        """
        async with self._dialling:
            if self.transport.connected and self.state is Link.UP:
                return
            self.check()
            await self._wait_for_turn()
            await self._dial()

    async def _wait_for_turn(self) -> None:
        if self.state is Link.WAITING:
            await self._retry.wait()
        elif self.next_try is not None:
            delay = self.next_try - clock.now()
            if delay > 0:
                await clock.woken(self._retry, delay)
        self._retry.clear()

    async def _dial(self) -> None:
        self._set(Link.CONNECTING, self.trouble, None)
        self._dials.append(clock.monotonic())
        try:
            await self.transport.connect()
            hello = await self._greet()
            if self.hello is not None and hello.cluster and self.hello.cluster:
                await self._same_cluster(self.hello, hello)
            self.hello = hello
        except TransportError as error:
            self.lost(error)
            raise
        self._failures = 0
        self._set(Link.UP, None, None)

    async def _same_cluster(self, before: Hello, now: Hello) -> None:
        """A login host that answers for another cluster, or as another user, is never used."""
        if (before.cluster, before.user) == (now.cluster, now.user):
            return
        host = self.transport.login_host or self.host
        why = (
            f"{self.host}: login host {host} is {now.user} on cluster {now.cluster}, "
            f"not {before.user} on {before.cluster}"
        )
        await self.transport.reject(why)
        raise ConnectFailed(why, "mend login_hosts in the settings: all must lead to one cluster")

    def lost(self, error: TransportError) -> None:
        """Take note that the connection is gone, and decide when to try again."""
        self._failures += 1
        needs_person = self.transport.interactive_login or isinstance(
            error, (AuthenticationFailed, HostKeyError)
        )
        if needs_person:
            # Dialling again by itself would lock accounts and send push messages to phones.
            self._set(Link.WAITING, _trouble(error, None), None)
            return
        delay = min(_FIRST_DELAY * 2 ** min(self._failures - 1, 10), _LONGEST_DELAY)
        hour_ago = clock.monotonic() - 3600
        while self._dials and self._dials[0] < hour_ago:
            self._dials.popleft()
        if len(self._dials) >= _DIALS_PER_HOUR:
            delay = _LONGEST_DELAY
        at = clock.now() + delay * random.uniform(0.7, 1.0)
        self._set(Link.RETRYING, _trouble(error, at), at)

    def check(self) -> bool:
        """Look whether the connection is still there; True when it has just been found gone."""
        if self.state is Link.UP and not self.transport.connected:
            self.lost(ConnectionLost(f"{self.host}: the connection was lost"))
            return True
        return False

    def retry_now(self) -> None:
        """A person asks for the next try at once."""
        if self.state in (Link.RETRYING, Link.WAITING):
            self._retry.set()

    async def close(self) -> None:
        """Close the connection; returns when it is closed."""
        self._set(Link.CLOSED, None, None)
        await self.transport.close()

    def _set(self, state: Link, trouble: Trouble | None, next_try: float | None) -> None:
        self.state, self.trouble, self.next_try = state, trouble, next_try
        self._changed()

    # -- asking -----------------------------------------------------------------------

    @property
    def able(self) -> Capabilities:
        """What this host's Slurm can do; the least before it was asked."""
        return capabilities(parse_version(self.hello.slurm_version) if self.hello else None)

    @property
    def preamble(self) -> str:
        """What every script on this host starts with."""
        return (
            self._login_environment + environment.PREAMBLE + self._cluster + f"export SACTUI={__version__}\n"
        )

    @property
    def public_preamble(self) -> str:
        """The part of it that may stand in an argument list, where every user can read it."""
        wanted = ("export PATH=", "export LD_LIBRARY_PATH=", "export SLURM_CONF=")
        lines = [
            line for line in self._login_environment.splitlines(keepends=True) if line.startswith(wanted)
        ]
        return "".join(lines) + environment.PREAMBLE + self._cluster + f"export SACTUI={__version__}\n"

    async def ask(self, *sections: Section, timeout: float = 30.0) -> dict[str, Answer]:
        """Run all sections in one exec and return their answers by name.

        A section that is missing or cut in the answer comes back incomplete. Raises
        TransportError; the link is then already marked lost where it is.
        """
        script = build(sections, preamble=self.preamble)
        began = clock.monotonic()
        completed = await self.run(script.text, timeout=timeout)
        answers = split(completed.stdout, script.token)
        inner = sum(answer.seconds for answer in answers.values())
        self.latency = max(0.0, clock.monotonic() - began - inner)
        return answers

    async def run(self, text: str, timeout: float = 30.0) -> Completed:
        """Run one script as it is (no preamble), counting it."""
        self._calls.append(clock.monotonic())
        try:
            return await self.transport.run(text, timeout=timeout)
        except TransportError as error:
            if not self.transport.connected and self.state is Link.UP:
                self.lost(error)
            raise

    def count(self) -> None:
        """Count a call that went through a channel of this host."""
        self._calls.append(clock.monotonic())

    @property
    def calls_per_minute(self) -> float:
        """Remote calls in the last 60 seconds."""
        since = clock.monotonic() - 60
        while self._calls and self._calls[0] < since:
            self._calls.popleft()
        return float(len(self._calls))

    async def _greet(self) -> Hello:
        """One exec that reads the login environment and who and where we are."""
        script = build(
            [
                Section("environment", _LOGIN_ENVIRONMENT),
                Section(
                    "who",
                    'printf "%s\\n" "$(id -un)" "$HOME" "$(uname -n)" "${SHELL:-}"',
                ),
            ],
            preamble="",
        )
        answers = split((await self.run(script.text)).stdout, script.token)
        if "environment" in answers:
            printed = answers["environment"].stdout
            self.login_noise = len(printed.partition(b"\0BEGIN\0")[0])
            self._login_environment = login_environment(printed)
        who = answers.get("who")
        if who is None or not who.complete:
            raise ProtocolError(
                f"{self.host}: the login gave no answer to a shell script",
                f"try: ssh {self.host} exec /bin/sh -s",
            )
        user, home, node, shell, *_ = [*who.stdout.decode("utf-8", "replace").split("\n"), "", "", "", ""]
        said = await self.ask(
            Section("site", f'head -c {site.LARGEST} "${{SACTUI_SITE:-/etc/sactui/site.yaml}}" 2>/dev/null'),
            Section("version", "squeue --version"),
            Section("config", "scontrol show config", timeout=10),
        )
        self.site = site.parse(said["site"].stdout if "site" in said else b"")
        version = said["version"].stdout.decode("utf-8", "replace").strip()
        config = configuration(said["config"].stdout.decode("utf-8", "replace"))
        private = "jobs" in config.get("PrivateData", "").lower().split(",")
        return Hello(user, home, node, shell, version, config.get("ClusterName", ""), private)


def configuration(text: str) -> dict[str, str]:
    """The ``Key = value`` lines of ``scontrol show config``; later ones do not overwrite."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals:
            found.setdefault(key.strip(), value.strip())
    return found


#: The variables a login shell adds, which an exec'd command does not get (module paths,
#: site profiles). csh has no -l together with -c; its .cshrc is read all the same.
_LOGIN_ENVIRONMENT = r"""
case "${SHELL##*/}" in
  csh|tcsh) "$SHELL" -c 'printf "\000BEGIN\000"; env -0' ;;
  *) "${SHELL:-/bin/sh}" -l -c 'printf "\000BEGIN\000"; env -0' ;;
esac 2>/dev/null
"""

_NOT_REUSED = frozenset(
    {"_", "PWD", "OLDPWD", "SHLVL", "TERM", "TMUX", "TMUX_PANE", "HOME", "USER", "LOGNAME", "SHELL"}
)


def login_environment(answer: bytes) -> str:
    """``export`` lines for the variables of a login shell, from ``env -0`` output.

    Noise before the marker (banners, echoes of profiles) is ignored; names that are not
    plain variable names (exported bash functions) and the connection's own are left out.
    """
    _, found, rest = answer.partition(b"\0BEGIN\0")
    lines = []
    for entry in rest.split(b"\0") if found else ():
        key, equals, value = entry.decode("utf-8", "surrogateescape").partition("=")
        if not equals or not key.isidentifier() or not key.isascii():
            continue
        if key in _NOT_REUSED or key.startswith(("SSH_", "LC_", "LANG")):
            continue
        lines.append(f"export {key}={shlex.quote(value)}\n")
    return "".join(lines)


def _trouble(error: TransportError, next_try: float | None) -> Trouble:
    return Trouble(error.layer, error.message, error.remedy, clock.now(), next_try)
