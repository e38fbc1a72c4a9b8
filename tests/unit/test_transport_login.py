"""Logins that need a person, against servers that ask: passwords, codes, pushes, jumps."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from sactui.errors import AuthenticationFailed, ConnectFailed
from sactui.transport.base import Question
from sactui.transport.ssh import SshTransport

SECRET = "correct horse"


class Gate(asyncssh.SSHServer):
    """Lets in with a password, or with a password and a code; counts what it saw."""

    def __init__(self, seen: list[str], kind: str) -> None:
        self._seen = seen
        self._kind = kind

    def begin_auth(self, username: str) -> bool:
        self._seen.append(f"user {username}")
        return True

    def password_auth_supported(self) -> bool:
        return self._kind == "password"

    def validate_password(self, username: str, password: str) -> bool:
        return password == SECRET

    def kbdint_auth_supported(self) -> bool:
        return self._kind in ("code", "push")

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Any:
        if self._kind == "push":
            return "Push", "Look at your phone", "", []
        return "Second factor", "Two questions", "", [("Password: ", False), ("One-time code: ", True)]

    def validate_kbdint_response(self, username: str, responses: Sequence[str]) -> bool:
        return list(responses) == ([] if self._kind == "push" else [SECRET, "123456"])

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        self._seen.append("tunnel")
        return True


async def serve(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """What an sshd does with an exec: the login shell runs it, with pipes."""
    assert process.command is not None
    program = await asyncio.create_subprocess_exec(
        "/bin/sh",
        "-c",
        process.command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    await process.redirect(program.stdin, program.stdout, program.stderr)
    process.exit(await program.wait())
    await process.wait_closed()


async def listen(seen: list[str], kind: str, key: asyncssh.SSHKey) -> tuple[asyncssh.SSHAcceptor, int]:
    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=lambda: Gate(seen, kind),
        server_host_keys=[key],
        process_factory=serve,
        encoding=None,
    )
    return server, server.get_port()


def person(*answers: str | None) -> tuple[list[Question], Callable[[Question], Awaitable[str | None]]]:
    asked: list[Question] = []
    left = list(answers)

    async def asker(question: Question) -> str | None:
        asked.append(question)
        return left.pop(0)

    return asked, asker


def host(name: str, port: int, directory: Path, key: asyncssh.SSHKey, more: str = "") -> str:
    public = key.export_public_key().decode()
    with open(directory / "known_hosts", "a") as file:
        file.write(f"[127.0.0.1]:{port} {public}")
    return (
        f"Host {name}\n  HostName 127.0.0.1\n  Port {port}\n  User alice\n  IdentityFile {directory}/none\n"
        f"  IdentitiesOnly yes\n  UserKnownHostsFile {directory}/known_hosts\n{more}\n"
    )


def login(
    tmp_path: Path, kind: str, asker: Any, work: str = "echo in"
) -> tuple[SshTransport, list[str], bytes]:
    seen: list[str] = []

    async def go() -> tuple[SshTransport, list[str], bytes]:
        key = asyncssh.generate_private_key("ssh-ed25519")
        server, port = await listen(seen, kind, key)
        config = tmp_path / f"config-{port}"
        config.write_text(host("cluster", port, tmp_path, key))
        transport = SshTransport("cluster", ssh_config=config, asker=asker)
        try:
            async with asyncio.timeout(30):
                await transport.connect()
                return transport, seen, (await transport.run(work)).stdout
        finally:
            await transport.close()
            server.close()
            await server.wait_closed()

    return asyncio.run(go())


def test_a_password_is_asked_for_until_it_is_right(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    asked, asker = person("wrong", SECRET)
    transport, _, out = login(tmp_path, "password", asker)
    assert out == b"in\n"
    assert [(each.kind, each.host, each.echo) for each in asked] == [("password", "cluster", False)] * 2
    assert "alice" in asked[0].prompt
    assert transport.interactive_login is True
    assert SECRET not in caplog.text
    assert SECRET not in repr(vars(transport))


def test_a_second_factor_asks_its_own_questions(tmp_path: Path) -> None:
    asked, asker = person(SECRET, "123456")
    transport, _, out = login(tmp_path, "code", asker)
    assert out == b"in\n"
    assert [(each.kind, each.prompt, each.echo) for each in asked] == [
        ("password", "Password:", False),
        ("code", "One-time code:", True),
    ]
    assert "Two questions" in asked[0].detail
    assert transport.interactive_login is True


def test_a_push_message_without_a_prompt_counts_as_a_person(tmp_path: Path) -> None:
    asked, asker = person()
    transport, _, out = login(tmp_path, "push", asker)
    assert (out, asked) == (b"in\n", [])
    assert transport.interactive_login is True


@pytest.mark.parametrize("kind", ["password", "code"])
def test_without_anybody_the_login_fails_with_the_remedy(tmp_path: Path, kind: str) -> None:
    with pytest.raises(AuthenticationFailed, match="nobody gave it") as caught:
        login(tmp_path, kind, None)
    assert "ssh-add" in caught.value.remedy
    assert caught.value.layer == "authentication"


@pytest.mark.parametrize("kind", ["password", "code"])
def test_after_an_unanswered_question_no_other_follows(tmp_path: Path, kind: str) -> None:
    asked, asker = person(None)
    with pytest.raises(AuthenticationFailed):
        login(tmp_path, kind, asker)
    assert len(asked) == 1


def test_a_jump_host_asks_through_the_same_person(tmp_path: Path) -> None:
    gate_saw: list[str] = []
    target_saw: list[str] = []
    asked, asker = person(SECRET, "123456", SECRET)

    async def go() -> None:
        gate_key, target_key = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
        gate, gate_port = await listen(gate_saw, "code", gate_key)
        target, target_port = await listen(target_saw, "password", target_key)
        config = tmp_path / "config"
        config.write_text(
            host("gate", gate_port, tmp_path, gate_key)
            + host("cluster", target_port, tmp_path, target_key, f"  ProxyJump bob@127.0.0.1:{gate_port}\n")
            + f"Host *\n  IdentityFile {tmp_path}/none\n  UserKnownHostsFile {tmp_path}/known_hosts\n"
        )
        transport = SshTransport("cluster", ssh_config=config, asker=asker)
        try:
            async with asyncio.timeout(30):
                await transport.connect()
                assert (await transport.run("echo in")).stdout == b"in\n"
        finally:
            await transport.close()
            for server in (gate, target):
                server.close()
                await server.wait_closed()

    asyncio.run(go())
    assert [(each.host, each.kind) for each in asked] == [
        ("127.0.0.1", "password"),
        ("127.0.0.1", "code"),
        ("cluster", "password"),
    ]
    assert gate_saw == ["user bob", "tunnel"]
    assert target_saw == ["user alice"]


def test_the_host_s_user_counts_for_login_hosts_without_one(tmp_path: Path) -> None:
    seen: list[str] = []
    _, asker = person(SECRET)

    async def go() -> None:
        key = asyncssh.generate_private_key("ssh-ed25519")
        server, port = await listen(seen, "password", key)
        config = tmp_path / "config"
        config.write_text(
            "Host cluster\n  User carol\n" + host("login1", port, tmp_path, key).replace("  User alice\n", "")
        )
        transport = SshTransport("cluster", ssh_config=config, asker=asker, login_hosts=["login1"])
        try:
            async with asyncio.timeout(30):
                await transport.connect()
                assert (transport.host, transport.login_host) == ("cluster", "login1")
        finally:
            await transport.close()
            server.close()
            await server.wait_closed()

    asyncio.run(go())
    assert seen == ["user carol"]


def test_a_refused_login_does_not_go_on_to_the_next_login_host(tmp_path: Path) -> None:
    seen: list[str] = []

    async def go() -> None:
        key = asyncssh.generate_private_key("ssh-ed25519")
        server, port = await listen(seen, "password", key)
        config = tmp_path / "config"
        config.write_text(host("login1 login2", port, tmp_path, key))
        transport = SshTransport("cluster", ssh_config=config, login_hosts=["login1", "login2"])
        try:
            with pytest.raises(AuthenticationFailed):
                await transport.connect()
        finally:
            await transport.close()
            server.close()
            await server.wait_closed()

    asyncio.run(go())
    assert seen == ["user alice"]


def test_a_dial_that_is_given_up_leaves_no_connection(tmp_path: Path) -> None:
    async def never(question: Question) -> str | None:
        asking.set()
        await asyncio.Event().wait()
        return None

    asking = asyncio.Event()

    async def go() -> None:
        key = asyncssh.generate_private_key("ssh-ed25519")
        server, port = await listen([], "password", key)
        config = tmp_path / "config"
        config.write_text(host("cluster", port, tmp_path, key))
        transport = SshTransport("cluster", ssh_config=config, asker=never)
        dial = asyncio.create_task(transport.connect())
        async with asyncio.timeout(20):
            await asking.wait()
            dial.cancel()
            with pytest.raises(asyncio.CancelledError):
                await dial
            assert not transport.connected
            await transport.close()
            server.close()
            await server.wait_closed()

    asyncio.run(go())


def test_a_name_that_does_not_exist_is_said_so(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("")

    async def go() -> None:
        transport = SshTransport("nowhere.invalid", ssh_config=config)
        with pytest.raises(ConnectFailed, match=r"no host called nowhere\.invalid") as caught:
            await transport.connect()
        assert "VPN" in caught.value.remedy
        await transport.close()

    asyncio.run(go())
