"""The SSH transports against real sshd processes on the loopback."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sactui.errors import (
    AuthenticationFailed,
    ChannelRefused,
    ConnectFailed,
    ConnectionLost,
    HostKeyError,
    ProtocolError,
    RunTimeout,
    TransportError,
)
from sactui.transport.base import Channel, Question, Transport
from sactui.transport.choice import choose
from sactui.transport.local import LocalTransport
from sactui.transport.openssh import OpensshTransport
from sactui.transport.script import Section, build, split
from sactui.transport.ssh import SshTransport


def need(program: str) -> str:
    found = shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    assert found, f"{program} is not installed: apt-get install openssh-server tcsh fish"
    return found


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def running(text: str) -> bool:
    """Whether any process of this machine has ``text`` in its arguments."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                arguments = (entry / "cmdline").read_bytes()
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if text.encode() in arguments and state != "Z":
                return True
    return False


class Sshd:
    """One sshd of a test's own: key, configuration and process."""

    def __init__(self, directory: Path, shell: str = "", lines: tuple[str, ...] = ()) -> None:
        self.directory = directory
        directory.mkdir()
        for name in ("host_key", "id"):
            subprocess.run(
                [need("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(directory / name)], check=True
            )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        config = [
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {directory}/host_key",
            f"AuthorizedKeysFile {directory}/id.pub",
            "PidFile none",
            "UsePAM no",
            "StrictModes no",
            "PermitRootLogin yes",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            *lines,
        ]
        if shell:
            # What sshd would do for a user with that login shell, with the noise of profiles.
            force = directory / "force"
            force.write_text(
                f'#!/bin/sh\necho "Welcome to the cluster"\nexec {need(shell)} -c "$SSH_ORIGINAL_COMMAND"\n'
            )
            force.chmod(0o755)
            config.append(f"ForceCommand {force}")
        (directory / "config").write_text("\n".join(config) + "\n")
        Path("/run/sshd").mkdir(exist_ok=True)
        with open(directory / "log", "wb") as log:
            self.process = subprocess.Popen(
                [need("sshd"), "-D", "-e", "-f", str(directory / "config")],
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        until(lambda: "Server listening" in (directory / "log").read_text())
        # A socket's path may have 107 bytes: pytest's directories are too deep for it.
        self.control = Path(tempfile.mkdtemp(prefix="sactui-cm-"))
        self.known_hosts = directory / "client" / "known_hosts"
        self.ssh_config = self.configure(trusted=True)

    def configure(self, *, trusted: bool, more: str = "", name: str = "ssh_config") -> Path:
        """A client configuration whose host is called ``lab``."""
        if trusted:
            self.known_hosts.parent.mkdir(mode=0o700, exist_ok=True)
            algorithm, key = (self.directory / "host_key.pub").read_text().split()[:2]
            self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {algorithm} {key}\n")
        included = self.directory / f"{name}.included"
        included.write_text(f"User {os.environ.get('USER') or 'root'}\nPort {self.port}\n")
        path = self.directory / name
        path.write_text(
            f"{more}\nHost lab\n  HostName 127.0.0.1\n  Include {included}\n"
            f"  IdentityFile {self.directory}/id\n"
            f"  IdentitiesOnly yes\n  UserKnownHostsFile {self.known_hosts}\n  StrictHostKeyChecking no\n"
            f"  ControlPath {self.control}/%C\n  ForwardAgent yes\n  RequestTTY force\n"
            "  RemoteCommand never\n  ForwardX11 yes\n"
        )
        return path

    def children(self) -> list[int]:
        """sshd's processes for open connections."""
        pids, found = [self.process.pid], []
        for pid in pids:
            for entry in Path("/proc").iterdir():
                if entry.name.isdigit():
                    try:
                        fields = (entry / "stat").read_text().rpartition(")")[2].split()
                        name = (entry / "comm").read_text().strip()
                    except OSError:
                        continue
                    if int(fields[1]) == pid and name == "sshd" and fields[0] != "Z":
                        pids.append(int(entry.name))
                        found.append(int(entry.name))
        return found

    def stop(self) -> None:
        for pid in self.children():
            # One that ends by itself meanwhile is what is wanted.
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
                os.kill(pid, signal.SIGTERM)
        self.process.terminate()
        self.process.wait(10)
        shutil.rmtree(self.control, ignore_errors=True)

    def transport(self, **options: Any) -> SshTransport:
        options.setdefault("ssh_config", self.ssh_config)
        return SshTransport("lab", **options)


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    server = Sshd(tmp_path_factory.mktemp("sshd") / "s")
    yield server
    server.stop()


@pytest.fixture
def own_sshd(tmp_path: Path) -> Iterator[Callable[..., Sshd]]:
    servers: list[Sshd] = []

    def start(*arguments: Any, **options: Any) -> Sshd:
        servers.append(Sshd(tmp_path / f"sshd{len(servers)}", *arguments, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def using(transport: Transport, work: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
    """Connect, do, close; within a deadline."""

    async def go() -> Any:
        async with asyncio.timeout(60):
            try:
                await transport.connect()
                return await work(transport)
            finally:
                await transport.close()
                assert not transport.connected

    return asyncio.run(go())


async def read_until(channel: Channel, wanted: bytes) -> bytes:
    seen = b""
    while wanted not in seen:
        data = await channel.read()
        assert data, (seen, channel.stderr)
        seen += data
    return seen


async def eventually(condition: Callable[[], bool]) -> None:
    """:func:`until`, while the loop goes on."""
    await asyncio.to_thread(until, condition)


@pytest.fixture(params=["ssh", "openssh", "local"])
def transport(request: pytest.FixtureRequest, sshd: Sshd) -> Iterator[Transport]:
    """Each kind of transport in turn: they all keep the same promises."""
    if request.param == "ssh":
        yield sshd.transport()
    elif request.param == "local":
        yield LocalTransport()
    else:
        with master(sshd) as control_path:
            yield OpensshTransport("lab", control_path, ssh_config=sshd.ssh_config)


class master:  # noqa: N801  # reads as a statement
    """A user's ControlMaster."""

    def __init__(self, server: Sshd) -> None:
        self.argv = [
            need("ssh"),
            "-F",
            str(server.ssh_config),
            "-o",
            "RemoteCommand=none",
            "-o",
            "LogLevel=ERROR",
        ]
        self.argv += ["-o", "ForwardX11=no", "-o", "ForwardAgent=no"]
        self.directory = server.control

    def __enter__(self) -> str:
        subprocess.run(
            [*self.argv, "-fNM", "lab"], check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(lambda: bool(list(self.directory.glob("*"))))
        return str(next(self.directory.glob("*")))

    def __exit__(self, *_: object) -> None:
        subprocess.run([*self.argv, "-O", "exit", "lab"], check=False, stderr=subprocess.DEVNULL)
        until(lambda: not list(self.directory.glob("*")))


# -- what every transport does --------------------------------------------------------


def test_run_returns_both_outputs_as_bytes_and_the_status(transport: Transport) -> None:
    async def work(it: Transport) -> None:
        done = await it.run("printf 'a\\0\\377'; echo err >&2; exit 7")
        assert (done.stdout, done.stderr, done.exit_status) == (b"a\0\xff", b"err\n", 7)
        assert (await it.run("kill -9 $$")).exit_status in (None, 137, 255)
        assert (
            await it.run('[ -t 0 ] || [ -t 1 ] || echo none; echo "${SSH_AUTH_SOCK-}" >&2')
        ).stdout == b"none\n"

    using(transport, work)


def test_run_carries_a_long_script_and_a_long_answer(transport: Transport) -> None:
    async def work(it: Transport) -> None:
        text = "x" * 300_000
        done = await it.run(f"cat <<'END'\n{text}\nEND\nhead -c 3000000 /dev/zero")
        assert done.stdout == text.encode() + b"\n" + bytes(3_000_000)

    using(transport, work)


def test_many_runs_at_once_share_the_channels(transport: Transport) -> None:
    async def work(it: Transport) -> None:
        done = await asyncio.gather(*(it.run(f"echo {number}; sleep 0.05") for number in range(20)))
        assert [each.stdout for each in done] == [f"{number}\n".encode() for number in range(20)]

    using(transport, work)


def test_after_a_timeout_nothing_of_it_is_left(transport: Transport) -> None:
    seconds = f"7{os.getpid()}1"
    inner = f"timeout 7000 sh -c 'trap \"\" TERM; sleep {seconds}; :'"
    script = f"trap '' TERM; {inner} & sleep {seconds}; sleep {seconds}"

    async def work(it: Transport) -> None:
        with pytest.raises(RunTimeout) as caught:
            await it.run(script, timeout=1.0)
        assert "look before trying again" in caught.value.remedy
        assert not running(f"sleep\0{seconds}")
        assert it.connected
        # Every slot is free again.
        done = await asyncio.gather(*(it.run("echo on") for _ in range(8)))
        assert {each.stdout for each in done} == {b"on\n"}

    using(transport, work)


def test_a_cancelled_run_leaves_nothing_after_close(transport: Transport) -> None:
    seconds = f"7{os.getpid()}2"

    async def work(it: Transport) -> None:
        task = asyncio.create_task(it.run(f"sleep {seconds}"))
        await eventually(lambda: running(f"sleep\0{seconds}"))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    using(transport, work)
    assert not running(f"sleep\0{seconds}")


def test_an_endless_answer_is_cut_off(transport: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sactui.transport.session.LARGEST_OUTPUT", 200_000)

    async def work(it: Transport) -> None:
        with pytest.raises(ProtocolError, match="longer than 200000 bytes"):
            await it.run(f"yes sactui-{os.getpid()}")
        assert not running(f"yes\0sactui-{os.getpid()}")
        assert (await it.run("echo on")).stdout == b"on\n"

    using(transport, work)


@pytest.mark.parametrize("command", ["exec cat", "cat; exit 3", "x=1\nexec /bin/sh -c 'cat; exit 3'"])
def test_a_channel_gets_every_byte(transport: Transport, command: str) -> None:
    payload = bytes(range(256)) * 2000

    async def work(it: Transport) -> None:
        channel = await it.open_channel(command)
        writing = asyncio.create_task(channel.write(payload))
        got = b""
        while len(got) < len(payload):
            got += await channel.read()
        await writing
        assert got == payload
        await channel.close()
        assert await channel.wait() == (0 if command == "exec cat" else 3)
        assert await channel.read() == b""
        with pytest.raises(ConnectionLost):
            await channel.write(b"more")

    using(transport, work)


def test_a_channel_tells_its_end_and_its_last_words(transport: Transport) -> None:
    async def work(it: Transport) -> None:
        channel = await it.open_channel("echo out; echo words >&2; exit 4")
        assert await read_until(channel, b"out\n") == b"out\n"
        assert await channel.read() == b""
        assert await channel.wait() == 4
        assert channel.stderr == b"words\n"
        await channel.close()

    using(transport, work)


def test_a_channel_that_will_not_end_is_killed(transport: Transport) -> None:
    seconds = f"7{os.getpid()}3"

    async def work(it: Transport) -> None:
        channel = await it.open_channel(f"trap '' TERM HUP; echo up; sleep {seconds}; sleep {seconds}")
        await read_until(channel, b"up")
        await channel.close(grace=0.1)
        assert not running(f"sleep\0{seconds}")
        await channel.close()

    using(transport, work)


def test_a_command_that_cannot_be_read_is_refused_with_its_text(transport: Transport) -> None:
    async def work(it: Transport) -> None:
        with pytest.raises(TransportError, match=r"not started \(status 2\): .*[Ss]yntax error"):
            await it.open_channel("if (")
        assert (await it.run("echo on")).stdout == b"on\n"

    using(transport, work)


def test_a_terminal_has_its_size_its_name_and_follows_a_resize(transport: Transport) -> None:
    async def work(it: Transport) -> None:
        terminal = await it.open_terminal(
            "trap 'stty size' WINCH; stty size; echo \"$TERM\"; tty >/dev/tty; while :; do sleep 0.05; done",
            91,
            33,
            "vt220",
        )
        seen = await read_until(terminal, b"/dev/")
        assert seen.startswith(b"33 91\r\nvt220\r\n"), seen
        terminal.resize(120, 40)
        await read_until(terminal, b"40 120")
        await terminal.close()
        assert await terminal.read() == b""

    using(transport, work)


def test_a_terminal_echoes_interrupts_and_ends(transport: Transport) -> None:
    async def work(it: Transport) -> None:
        terminal = await it.open_terminal("trap 'echo stopped' INT; cat; cat; exit 5", 80, 24)
        await terminal.write(b"h\xc3\xa9llo\n")
        await read_until(terminal, b"h\xc3\xa9llo\r\nh\xc3\xa9llo\r\n")
        await terminal.write(b"\x03")
        await read_until(terminal, b"stopped")
        await terminal.write(b"\x04")
        while await terminal.read():
            pass
        assert await terminal.wait() == 5
        await terminal.close()

    using(transport, work)


def test_closing_a_terminal_ends_its_program(transport: Transport) -> None:
    seconds = f"7{os.getpid()}4"

    async def work(it: Transport) -> None:
        terminal = await it.open_terminal(f"trap '' HUP; echo up; sleep {seconds}; sleep {seconds}", 80, 24)
        await read_until(terminal, b"up")
        reading = asyncio.create_task(terminal.read())
        await terminal.close()
        assert not running(f"sleep\0{seconds}")
        async with asyncio.timeout(5):
            await reading

    using(transport, work)


def test_closing_the_transport_ends_what_runs(transport: Transport) -> None:
    seconds = f"7{os.getpid()}5"

    async def work(it: Transport) -> None:
        await it.open_channel(f"exec sleep {seconds}")
        await it.open_terminal(f"sleep {seconds}; :", 80, 24)
        assert running(f"sleep\0{seconds}")

    using(transport, work)
    until(lambda: not running(f"sleep\0{seconds}"))


def test_what_stays_leaves_channels_for_scripts(transport: Transport) -> None:
    async def work(it: Transport) -> None:
        it.limit_channels(4, "a test")
        channels = [await it.open_channel("exec cat") for _ in range(2)]
        with pytest.raises(ChannelRefused, match="2 of 2"):
            await it.open_channel("exec cat")
        assert (await it.run("echo on")).stdout == b"on\n"
        await channels[0].close()
        await it.open_terminal("exec cat", 80, 24)

    using(transport, work)


# -- login shells ---------------------------------------------------------------------

NASTY = 'it\'s !bang $HOME `date` \\back é "q" {a,b} ~ ^x^y # ;'


@pytest.mark.parametrize("shell", ["bash", "dash", "tcsh", "fish"])
def test_every_login_shell_runs_the_same_script(own_sshd: Callable[..., Sshd], shell: str) -> None:
    server = own_sshd(shell)
    there = f"cat <<'END'\n{NASTY}\nEND"

    async def work(it: SshTransport) -> None:
        # The profile's noise is outside; a forced command also refuses channel signals.
        assert (await it.run(there)).stdout.decode() == NASTY + "\n"
        script = build([Section("one", there), Section("two", "exit 9")])
        answers = split((await it.run(script.text)).stdout, script.token)
        assert (answers["one"].stdout.decode(), answers["two"].exit_status) == (NASTY + "\n", 9)
        channel = await it.open_channel(f"{there}\nexec cat")
        await channel.write(b"\0bytes")
        assert await read_until(channel, b"\0bytes") == NASTY.encode() + b"\n\0bytes"
        terminal = await it.open_terminal(f"{there}\nstty size # {'x' * 20_000}", 77, 22)
        assert await read_until(terminal, b"22 77\r\n") == NASTY.encode() + b"\r\n22 77\r\n"
        with pytest.raises(RunTimeout):
            await it.run(f"sleep 7{os.getpid()}6", timeout=0.7)
        assert not running(f"sleep\0007{os.getpid()}6")
        # Handed to the user's own ssh, which has no terminal here to hand on.
        argv = list(it.foreground(f'{there}\necho "$TERM"'))
        found = await asyncio.to_thread(
            subprocess.run, argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=True
        )
        assert found.stdout.decode().replace("\r\n", "\n").startswith(f"Welcome to the cluster\n{NASTY}\n")

    using(server.transport(), work)


def test_foreground_forwards_nothing_and_notices_a_dead_link(sshd: Sshd) -> None:
    argv = list(sshd.transport().foreground("true"))
    assert argv[:2] == ["ssh", "-tt"]
    assert argv[argv.index("--") + 1] == "lab"
    options = {argv[at + 1] for at, word in enumerate(argv) if word == "-o"}
    assert options >= {
        "ControlMaster=no",
        "ClearAllForwardings=yes",
        "ForwardAgent=no",
        "ForwardX11=no",
        "ServerAliveInterval=5",
        "ServerAliveCountMax=3",
    }
    assert argv[argv.index("-F") + 1] == str(sshd.ssh_config)
    assert LocalTransport().foreground("tmux attach") == ["/bin/sh", "-c", "tmux attach"]


# -- the connection -------------------------------------------------------------------


def test_max_sessions_is_a_refused_channel_and_not_a_lost_connection(own_sshd: Callable[..., Sshd]) -> None:
    server = own_sshd(lines=("MaxSessions 2",))

    async def work(it: SshTransport) -> None:
        channels = [await it.open_channel("exec cat") for _ in range(2)]
        # Both are taken: the newest that stays gives way to a script, and nothing is lost.
        assert (await it.run("echo on")).stdout == b"on\n"
        assert it.connected
        assert "MaxSessions" in it.use.reason
        await channels[0].write(b"there\n")
        await read_until(channels[0], b"there")
        with pytest.raises(ChannelRefused, match="MaxSessions"):
            await it.open_channel("exec cat")

    using(server.transport(), work)
    with master(server) as control_path:
        shared = OpensshTransport("lab", control_path, ssh_config=server.ssh_config)

        async def ride(it: OpensshTransport) -> None:
            for _ in range(2):
                await it.open_channel("exec cat")
            assert (await it.run("echo on")).stdout == b"on\n"
            with pytest.raises(ChannelRefused, match="MaxSessions"):
                await it.open_terminal("true", 80, 24)
            assert it.connected

        using(shared, ride)


def test_a_silent_peer_is_noticed(own_sshd: Callable[..., Sshd]) -> None:
    server = own_sshd()

    async def work(it: SshTransport) -> None:
        channel = await it.open_channel("exec cat")
        waiting = asyncio.create_task(it.run("sleep 60", timeout=50))
        await asyncio.sleep(0)
        stopped = server.children()
        assert stopped
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        with pytest.raises(ConnectionLost):
            await waiting
        assert not it.connected
        assert await channel.read() == b""
        assert await channel.wait() is None
        with pytest.raises(ConnectionLost):
            await it.run("echo on")
        with pytest.raises(ConnectionLost):
            await channel.write(b"x")
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        await it.connect()
        assert (await it.run("echo again")).stdout == b"again\n"

    using(server.transport(keepalive_interval=0.3, keepalive_count=2), work)


def test_a_server_that_goes_away_is_a_lost_connection(own_sshd: Callable[..., Sshd]) -> None:
    server = own_sshd()
    ready = server.directory / "ready"

    async def work(it: SshTransport) -> None:
        waiting = asyncio.create_task(it.run(f"touch {ready}; sleep 5"))
        await eventually(ready.exists)
        for pid in server.children():
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(ConnectionLost, match="lab: the SSH connection broke"):
            await waiting
        assert not it.connected

    using(server.transport(), work)


def fails(transport: Transport, error: type[TransportError]) -> Any:
    with pytest.raises(error) as caught:
        using(transport, lambda it: it.run("true"))
    assert type(caught.value) is error
    assert "lab" in caught.value.message
    assert caught.value.remedy
    return caught.value


def answering(
    *answers: str | None,
) -> tuple[list[Question], Callable[[Question], Coroutine[Any, Any, str | None]]]:
    asked: list[Question] = []
    left = list(answers)

    async def asker(question: Question) -> str | None:
        asked.append(question)
        return left.pop(0)

    return asked, asker


def fingerprint(server: Sshd) -> str:
    shown = subprocess.run(
        [need("ssh-keygen"), "-lf", str(server.directory / "host_key.pub")],
        capture_output=True,
        text=True,
        check=True,
    )
    return shown.stdout.split()[1]


def test_an_unknown_host_key_is_shown_asked_for_and_kept(
    own_sshd: Callable[..., Sshd], tmp_path: Path
) -> None:
    server = own_sshd()
    server.known_hosts = tmp_path / "new" / "dir" / "known_hosts"
    config = server.configure(trusted=False)

    error = fails(server.transport(ssh_config=config), HostKeyError)
    assert (error.fingerprint, error.known) == (fingerprint(server), False)
    assert f"ssh-keyscan -p {server.port} 127.0.0.1" in error.remedy
    asked, asker = answering("no")
    assert fails(server.transport(ssh_config=config, asker=asker), HostKeyError).known is False
    asked, asker = answering(None)
    assert not server.known_hosts.exists()
    fails(server.transport(ssh_config=config, asker=asker), HostKeyError)
    assert not server.known_hosts.exists()

    asked, asker = answering("yes")
    done = using(server.transport(ssh_config=config, asker=asker), lambda it: it.run("echo in"))
    assert done.stdout == b"in\n"
    assert [(each.kind, each.host, each.detail) for each in asked] == [
        ("host-key", "lab", fingerprint(server))
    ]
    assert stat.S_IMODE(server.known_hosts.stat().st_mode) == 0o600
    assert stat.S_IMODE(server.known_hosts.parent.stat().st_mode) == 0o700
    # Kept in a form that OpenSSH reads, and not asked for again.
    found = subprocess.run(
        [need("ssh-keygen"), "-F", f"[127.0.0.1]:{server.port}", "-f", str(server.known_hosts)],
        capture_output=True,
    )
    assert found.returncode == 0
    transport = server.transport(ssh_config=config)
    using(transport, lambda it: it.run("true"))
    assert transport.interactive_login is False


def test_a_changed_host_key_is_never_offered(own_sshd: Callable[..., Sshd]) -> None:
    server, other = own_sshd(), own_sshd()
    key = (other.directory / "host_key.pub").read_text()
    server.known_hosts.write_text(f"not a line\n[127.0.0.1]:{server.port} {key}")
    asked, asker = answering("yes")
    error = fails(server.transport(asker=asker), HostKeyError)
    assert error.known is True
    assert error.fingerprint == fingerprint(server)
    assert "ssh-keygen -R" in error.remedy
    assert asked == []
    # A key of another kind on file is no licence either.
    rsa = server.directory / "rsa"
    subprocess.run(
        [need("ssh-keygen"), "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(rsa)], check=True
    )
    server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {rsa.with_suffix('.pub').read_text()}")
    assert fails(server.transport(asker=asker), HostKeyError).known is True
    server.known_hosts.write_text(
        f"@revoked [127.0.0.1]:{server.port} {(server.directory / 'host_key.pub').read_text()}"
    )
    assert fails(server.transport(asker=asker), HostKeyError).known is True
    assert asked == []


@pytest.mark.parametrize("file", ["none", "/dev/null"])
def test_no_file_of_known_hosts_is_no_trust(own_sshd: Callable[..., Sshd], file: str) -> None:
    server = own_sshd()
    server.known_hosts = Path(file)
    config = server.configure(trusted=False)
    asked, asker = answering("yes")
    error = fails(server.transport(ssh_config=config, asker=asker), HostKeyError)
    assert error.known is False
    assert "UserKnownHostsFile" in error.remedy
    assert asked == []


def test_a_host_key_alias_is_the_name_on_file(own_sshd: Callable[..., Sshd]) -> None:
    server = own_sshd()
    server.known_hosts.write_text(f"the-cluster {(server.directory / 'host_key.pub').read_text()}")
    config = server.configure(trusted=False, more="Host lab\n  HostKeyAlias the-cluster\n")
    assert using(server.transport(ssh_config=config), lambda it: it.run("echo in")).stdout == b"in\n"


def test_a_host_certificate_of_an_unknown_authority_is_asked_for_by_its_key(
    own_sshd: Callable[..., Sshd],
) -> None:
    server = own_sshd()
    keygen = need("ssh-keygen")
    authority = server.directory / "ca"
    subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(authority)], check=True)
    subprocess.run(
        [
            keygen,
            "-q",
            "-s",
            str(authority),
            "-I",
            "h",
            "-h",
            "-n",
            "127.0.0.1",
            str(server.directory / "host_key.pub"),
        ],
        check=True,
    )
    config = server.directory / "config"
    config.write_text(config.read_text() + f"HostCertificate {server.directory}/host_key-cert.pub\n")
    before = (server.directory / "log").read_text().count("Server listening")
    server.process.send_signal(signal.SIGHUP)
    until(lambda: (server.directory / "log").read_text().count("Server listening") > before)
    trusted = server.known_hosts
    asked, asker = answering("yes")
    trusted.write_text("")
    assert using(server.transport(asker=asker), lambda it: it.run("echo in")).stdout == b"in\n"
    assert [each.detail for each in asked] == [fingerprint(server)]
    trusted.write_text(
        f"@cert-authority [127.0.0.1]:{server.port} {authority.with_suffix('.pub').read_text()}"
    )
    assert using(server.transport(), lambda it: it.run("echo in")).stdout == b"in\n"


def test_a_key_that_is_not_accepted_says_what_to_do(own_sshd: Callable[..., Sshd]) -> None:
    server, other = own_sshd(), own_sshd()
    shutil.copy(other.directory / "id", server.directory / "id")
    error = fails(server.transport(), AuthenticationFailed)
    assert "accepts none of the keys" in error.message
    assert "ssh-add" in error.remedy
    assert "ssh-copy-id lab" in error.remedy


def encrypted(server: Sshd) -> None:
    """An identity that is locked with the passphrase "open", of the PEM kind."""
    key = server.directory / "id"
    for path in (key, key.with_suffix(".pub")):
        path.unlink()
    subprocess.run(
        [need("ssh-keygen"), "-q", "-t", "ecdsa", "-m", "PEM", "-N", "open sesame", "-f", str(key)],
        check=True,
    )


def test_a_locked_identity_asks_for_its_passphrase(own_sshd: Callable[..., Sshd]) -> None:
    server = own_sshd()
    encrypted(server)
    asked, asker = answering("wrong", "open sesame")
    transport = server.transport(asker=asker)
    assert using(transport, lambda it: it.run("echo in")).stdout == b"in\n"
    assert [each.kind for each in asked] == ["passphrase", "passphrase"]
    assert "not the passphrase" in asked[1].detail
    assert transport.interactive_login is True
    error = fails(server.transport(), AuthenticationFailed)
    assert "nobody" in error.message
    asked, asker = answering(None)
    fails(server.transport(asker=asker), AuthenticationFailed)
    assert len(asked) == 1


def test_the_agent_is_used_and_opens_locked_identities(
    own_sshd: Callable[..., Sshd], monkeypatch: Any
) -> None:
    server = own_sshd()
    encrypted(server)
    unlocked = server.directory / "unlocked"
    shutil.copy(server.directory / "id", unlocked)
    subprocess.run(
        [need("ssh-keygen"), "-q", "-p", "-P", "open sesame", "-N", "", "-f", str(unlocked)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    agent_socket = server.directory / "agent"
    agent = subprocess.Popen([need("ssh-agent"), "-D", "-a", str(agent_socket)], stdout=subprocess.DEVNULL)
    try:
        until(agent_socket.exists)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(agent_socket))
        subprocess.run([need("ssh-add"), "-q", str(unlocked)], check=True)
        transport = server.transport()
        # The configuration says ForwardAgent yes: it is not forwarded all the same.
        done = using(transport, lambda it: it.run('echo "in ${SSH_AUTH_SOCK-none}"'))
        assert done.stdout == b"in none\n"
        assert transport.interactive_login is False
    finally:
        agent.terminate()
        agent.wait(10)


def test_login_hosts_are_tried_in_order(own_sshd: Callable[..., Sshd]) -> None:
    server = own_sshd()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dead = (
            f"Host dead dead2\n  HostName 127.0.0.1\n  Port {closed.getsockname()[1]}\n"
            "Host nowhere\n  HostName nowhere.invalid\n"
        )
        config = server.configure(trusted=True, more=dead)
        transport = server.transport(ssh_config=config, login_hosts=("dead", "nowhere", "lab"))
        assert using(transport, lambda it: it.run("echo in")).stdout == b"in\n"
        assert transport.login_host == "lab"
        error = fails(server.transport(ssh_config=config, login_hosts=("dead", "nowhere")), ConnectFailed)
        assert "none of its 2 login hosts" in error.message
        assert "nowhere.invalid" in error.message
        assert "refused" in error.message.lower()


def test_a_host_that_never_answers_fails_in_time(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        config = tmp_path / "config"
        config.write_text(f"Host lab\n  HostName 127.0.0.1\n  Port {silent.getsockname()[1]}\n")
        error = fails(
            SshTransport("lab", ssh_config=config, connect_timeout=0.5, login_timeout=0.5), ConnectFailed
        )
        assert "127.0.0.1" in error.message


def test_a_configuration_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("Host lab\n  Port many\n")
    assert str(config) in fails(SshTransport("lab", ssh_config=config), ConnectFailed).message
    fails(SshTransport("lab", ssh_config=tmp_path / "missing"), ConnectFailed)


def test_jumps_are_dialled_with_the_same_questions(own_sshd: Callable[..., Sshd], tmp_path: Path) -> None:
    target, gate = own_sshd(), own_sshd()
    target.known_hosts = tmp_path / "known_hosts"
    hop = (
        f"Host gate\n  HostName 127.0.0.1\n  Port {gate.port}\n  User root\n"
        f"  IdentityFile {gate.directory}/id\n"
        f"  UserKnownHostsFile {target.known_hosts}\nHost lab\n  ProxyJump gate\n"
    )
    config = target.configure(trusted=False, more=hop)
    asked, asker = answering("yes", "yes")
    transport = SshTransport("lab", ssh_config=config, asker=asker)
    done = using(transport, lambda it: it.run("echo $SSH_CONNECTION"))
    assert done.stdout.split()[-1] == str(target.port).encode()
    assert [(each.host, each.detail) for each in asked] == [
        ("gate", fingerprint(gate)),
        ("lab", fingerprint(target)),
    ]
    until(lambda: not gate.children())
    assert "Accepted publickey" in (gate.directory / "log").read_text()
    target.stop()
    error = fails(SshTransport("lab", ssh_config=config), ConnectFailed)
    assert "jump host" in error.message
    loop = target.configure(
        trusted=False, more=hop.replace("  User root\n", "  User root\n  ProxyJump lab\n")
    )
    with pytest.raises(ConnectFailed, match="gate: ProxyJump leads in a circle"):
        using(SshTransport("lab", ssh_config=loop), lambda it: it.run("true"))


def test_further_terminals_open_a_second_connection_that_needs_nobody(own_sshd: Callable[..., Sshd]) -> None:
    server = own_sshd(lines=("MaxSessions 2",))

    def logins() -> int:
        return (server.directory / "log").read_text().count("Accepted publickey")

    async def work(it: SshTransport) -> None:
        terminals = [await it.open_terminal("exec cat", 80, 24) for _ in range(2)]
        assert logins() == 1
        it.interactive_login = True
        with pytest.raises(ChannelRefused):
            await it.open_terminal("exec cat", 80, 24)
        it.interactive_login = False
        assert logins() == 1
        terminals += [await it.open_terminal("exec cat", 80, 24) for _ in range(2)]
        assert logins() == 2
        with pytest.raises(ChannelRefused):
            await it.open_terminal("exec cat", 80, 24)
        assert logins() == 2
        await terminals[3].write(b"there\n")
        await read_until(terminals[3], b"there")

    using(server.transport(), work)
    until(lambda: not server.children())


def test_a_key_filed_without_the_port_is_trusted_and_another_one_is_no_change(
    own_sshd: Callable[..., Sshd],
) -> None:
    server, other = own_sshd(), own_sshd()
    server.known_hosts.write_text(f"127.0.0.1 {(server.directory / 'host_key.pub').read_text()}")
    assert using(server.transport(), lambda it: it.run("echo in")).stdout == b"in\n"
    server.known_hosts.write_text(f"127.0.0.1 {(other.directory / 'host_key.pub').read_text()}")
    asked, asker = answering("yes")
    assert using(server.transport(asker=asker), lambda it: it.run("echo in")).stdout == b"in\n"
    assert len(asked) == 1


# -- the user's own connection --------------------------------------------------------


def test_a_live_master_is_ridden_and_its_end_opens_no_second_login(own_sshd: Callable[..., Sshd]) -> None:
    server = own_sshd()
    logins = lambda: (server.directory / "log").read_text().count("Accepted publickey")  # noqa: E731

    async def work(it: Transport) -> None:
        assert (await it.run("echo in")).stdout == b"in\n"
        assert (await it.run("exit 255")).exit_status == 255
        assert it.connected

    with master(server):
        transport = asyncio.run(choose("lab", ssh_config=server.ssh_config))
        assert (transport.kind, transport.host) == ("openssh", "lab")
        using(transport, work)
        assert logins() == 1

        async def go() -> None:
            await transport.connect()
            channel = await transport.open_channel("exec cat")
            waiting = asyncio.create_task(transport.run("sleep 30"))
            for pid in server.children():
                os.kill(pid, signal.SIGTERM)
            with pytest.raises((ConnectionLost, ConnectFailed)):
                await waiting
            assert not transport.connected
            assert await channel.read() == b""
            with pytest.raises((ConnectionLost, ConnectFailed)):
                await transport.run("echo in")
            with pytest.raises(ConnectFailed, match="ControlMaster"):
                await transport.connect()
            await transport.close()

        asyncio.run(go())
    assert logins() == 1
    transport = asyncio.run(choose("lab", ssh_config=server.ssh_config))
    assert transport.kind == "ssh"


def test_a_master_that_is_gone_before_a_script_starts_is_said_so(own_sshd: Callable[..., Sshd]) -> None:
    server = own_sshd()

    async def work(it: OpensshTransport) -> None:
        shared.__exit__()
        with pytest.raises(ConnectFailed, match=r"shared OpenSSH connection \(ControlMaster\) is gone"):
            await it.run("echo in")
        assert not it.connected

    shared = master(server)
    control_path = shared.__enter__()
    using(OpensshTransport("lab", control_path, ssh_config=server.ssh_config), work)
    assert (server.directory / "log").read_text().count("Accepted publickey") == 1
