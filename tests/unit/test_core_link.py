"""The link: what it remembers of a login, when it dials again, and when it waits for a person."""

from __future__ import annotations

import asyncio
import shlex
import subprocess

from sactui.core.link import HostLink, configuration, login_environment
from sactui.domain.state import Link
from sactui.errors import AuthenticationFailed, ConnectFailed, TransportError
from sactui.transport.fake import FakeTransport


def link(*failures: TransportError) -> HostLink:
    """A link to a made-up host whose first dials fail so."""
    return HostLink(FakeTransport("spartan", dial_failures=list(failures)), lambda: None)


def failed(made: HostLink, error: TransportError) -> None:
    made.lost(error)


def test_a_refused_login_waits_for_a_person() -> None:
    async def run() -> None:
        made = link()
        failed(made, AuthenticationFailed("spartan: no key is accepted", "ssh-add"))
        assert made.state is Link.WAITING
        assert made.next_try is None
        assert made.trouble is not None
        assert made.trouble.layer == "authentication"
        waiting = asyncio.create_task(made._wait_for_turn())
        await asyncio.sleep(0)
        assert not waiting.done()
        made.retry_now()
        await asyncio.wait_for(waiting, 5)

    asyncio.run(run())


def test_a_network_failure_backs_off_up_to_five_minutes() -> None:
    async def run() -> None:
        made = link()
        delays = []
        for _ in range(12):
            failed(made, ConnectFailed("spartan: connection refused"))
            assert made.trouble is not None
            assert made.trouble.since is not None
            assert made.next_try is not None
            delays.append(made.next_try - made.trouble.since)
            assert made.state is Link.RETRYING
        assert delays[0] <= 1.0
        assert delays[3] > delays[0]
        assert max(delays) <= 300.5
        assert delays[-1] > 200

    asyncio.run(run())


def test_a_login_environment_is_exported_and_nothing_of_the_connection() -> None:
    entries = [
        b"PATH=/opt/slurm/bin:/usr/bin",
        b"MODULEPATH=/a b'c",
        b"BASH_FUNC_module%%=() { eval; }",
        b"SSH_CLIENT=10.0.0.1",
        b"TERM=dumb",
        b"PWD=/x",
        b"MULTI=one\nexport EVIL=1",
        "NAME=é".encode(),
    ]
    text = login_environment(b"Welcome to spartan!\n\0BEGIN\0" + b"\0".join(entries) + b"\0")
    assert "SSH_CLIENT" not in text
    assert "BASH_FUNC" not in text
    assert "TERM" not in text
    shell = f'unset EVIL\n{text}\nprintf \'%s|%s|%s|%s\' "$PATH" "$MODULEPATH" "$EVIL" "$NAME"'
    done = subprocess.run(["/bin/sh", "-c", shell], capture_output=True, check=True)
    assert done.stdout.decode() == "/opt/slurm/bin:/usr/bin|/a b'c||é"


def test_noise_without_a_login_environment_exports_nothing() -> None:
    assert login_environment(b"This account is currently not available.\n") == ""


def test_only_harmless_variables_stand_in_an_argument_list() -> None:
    made = link()
    made._login_environment = login_environment(b"\0BEGIN\0PATH=/bin\0TOKEN=tok1\0SLURM_CONF=/etc/s.conf\0")
    assert "tok1" in made.preamble
    assert "tok1" not in made.public_preamble
    assert f"export SLURM_CONF={shlex.quote('/etc/s.conf')}" in made.public_preamble


def test_configuration_lines() -> None:
    text = "ClusterName             = spartan\nPrivateData = jobs,usage\nnot a line\nClusterName = later\n"
    assert configuration(text) == {"ClusterName": "spartan", "PrivateData": "jobs,usage"}
