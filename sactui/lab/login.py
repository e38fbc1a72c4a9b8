"""A login host made with asyncssh: ``python -m sactui.lab.login DIR NUMBER PORT MAX_SESSIONS``.

It stands in for sshd where an ordinary user's sshd can give no terminals (devpts
mounted without ``gid=5``). Like sshd it runs commands in the user's login shell, gives
terminals, passes signals, window sizes and end of input on, limits the sessions of a
connection, and leaves what runs without a terminal alone when the connection breaks.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncssh

from sactui.lab import ssh
from sactui.lab.layout import Layout

_CHUNK = 32_768
_HIGH_WATER = 262_144

#: Every process that was started and has not been reaped, so that no session's end forgets one.
_programs: set[subprocess.Popen[bytes]] = set()


class Settings:
    """What all sessions of this login host share."""

    def __init__(self, layout: Layout, number: int, max_sessions: int) -> None:
        self.layout = layout
        self.max_sessions = max_sessions
        self.shell = ssh.login_shell()
        self.user = ssh.user_name()
        self.environment = {
            "USER": self.user,
            "LOGNAME": self.user,
            "SHELL": self.shell,
            **ssh.login_environment(layout, number),
        }


class Session(asyncssh.SSHServerSession[bytes]):
    """One session channel: a shell, a command or the sftp subsystem, with or without terminal."""

    def __init__(self, settings: Settings, server: Server) -> None:
        self._settings = settings
        self._server = server
        self._channel: asyncssh.SSHServerChannel[bytes] | None = None
        self._argv: list[str] = []
        self._terminal: tuple[str, tuple[int, int, int, int]] | None = None
        self._program: subprocess.Popen[bytes] | None = None
        self._outputs: dict[int, int | None] = {}
        self._input: int | None = None
        self._unwritten = bytearray()
        self._input_ended = False
        self._paused = False
        self._ended = False

    # ---- what the client asks for

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = chan
        self._server.sessions += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.sessions -= 1
        self._channel = None
        for descriptor in list(self._outputs):
            self._close_output(descriptor)
        self._close_input()

    def pty_requested(
        self, term_type: str, term_size: tuple[int, int, int, int], term_modes: Mapping[int, int]
    ) -> bool:
        self._terminal = (term_type, term_size)
        return True

    def shell_requested(self) -> bool:
        # A leading minus makes it a login shell, in every shell there is.
        self._argv = [f"-{os.path.basename(self._settings.shell)}"]
        return True

    def exec_requested(self, command: str) -> bool:
        self._argv = [os.path.basename(self._settings.shell), "-c", command]
        return True

    def subsystem_requested(self, subsystem: str) -> bool:
        server = ssh.sftp_server() if subsystem == "sftp" else None
        return server is not None and self.exec_requested(server)

    def session_started(self) -> None:
        channel = self._open_channel()
        environment = {**self._settings.environment, **self._from_client(channel)}
        try:
            if self._terminal is not None:
                self._start_with_terminal(*self._terminal, environment)
            else:
                self._start_with_pipes(environment)
        except OSError as error:
            channel.write_stderr(f"the session cannot start: {error}\n".encode())
            channel.exit(255)
            return
        assert self._program is not None
        program = self._program
        _programs.add(program)
        ended = os.pidfd_open(program.pid)
        loop = asyncio.get_running_loop()
        loop.add_reader(ended, self._program_ended, program, ended)
        for descriptor in self._outputs:
            loop.add_reader(descriptor, self._read, descriptor)

    def data_received(self, data: bytes, datatype: int | None) -> None:
        self._unwritten += data
        self._write()

    def eof_received(self) -> bool:
        self._input_ended = True
        self._write()
        return True

    def signal_received(self, signal: str) -> None:
        self._signal(signal)

    def break_received(self, msec: int) -> bool:
        return False

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        if self._terminal is not None and self._input is not None:
            _set_size(self._input, (width, height, pixwidth, pixheight))

    def pause_writing(self) -> None:
        self._paused = True
        for descriptor in self._outputs:
            asyncio.get_running_loop().remove_reader(descriptor)

    def resume_writing(self) -> None:
        self._paused = False
        for descriptor in self._outputs:
            asyncio.get_running_loop().add_reader(descriptor, self._read, descriptor)

    # ---- the program

    def _open_channel(self) -> asyncssh.SSHServerChannel[bytes]:
        assert self._channel is not None
        return self._channel

    def _from_client(self, channel: asyncssh.SSHServerChannel[bytes]) -> dict[str, str]:
        """What AcceptEnv lets in, and what sshd itself says of the connection."""
        sent = {
            name: value
            for name, value in channel.get_environment().items()
            if name.startswith(("LANG", "LC_"))
        }
        peer: Any = channel.get_extra_info("peername")
        here: Any = channel.get_extra_info("sockname")
        said = {
            "SSH_CLIENT": f"{peer[0]} {peer[1]} {here[1]}",
            "SSH_CONNECTION": f"{peer[0]} {peer[1]} {here[0]} {here[1]}",
        }
        return {**sent, **said}

    def _start_with_terminal(
        self, kind: str, size: tuple[int, int, int, int], environment: dict[str, str]
    ) -> None:
        ours, theirs = os.openpty()
        try:
            _set_size(theirs, size)
            self._program = subprocess.Popen(
                self._argv,
                executable=self._settings.shell,
                env={**environment, "TERM": kind, "SSH_TTY": os.ttyname(theirs)},
                cwd=self._settings.layout.home,
                # Makes it the controlling terminal of a new session, and stdin, stdout, stderr.
                preexec_fn=lambda: os.login_tty(theirs),
                pass_fds=(theirs,),
            )
        except OSError:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        os.set_blocking(ours, False)
        self._outputs = {ours: None}
        self._input = ours

    def _start_with_pipes(self, environment: dict[str, str]) -> None:
        pairs = [os.pipe() for _ in range(3)]
        (their_in, our_in), (our_out, their_out), (our_err, their_err) = pairs
        try:
            self._program = subprocess.Popen(
                self._argv,
                executable=self._settings.shell,
                stdin=their_in,
                stdout=their_out,
                stderr=their_err,
                env=environment,
                cwd=self._settings.layout.home,
                start_new_session=True,
            )
        except OSError:
            for descriptor in (our_in, our_out, our_err):
                os.close(descriptor)
            raise
        finally:
            for descriptor in (their_in, their_out, their_err):
                os.close(descriptor)
        for descriptor in (our_in, our_out, our_err):
            os.set_blocking(descriptor, False)
        self._outputs = {our_out: None, our_err: asyncssh.EXTENDED_DATA_STDERR}
        self._input = our_in

    def _signal(self, name: str) -> None:
        number = getattr(signal, f"SIG{name}", None)
        if (
            self._program is None
            or self._program.poll() is not None
            or not isinstance(number, signal.Signals)
        ):
            return
        # The program leads a process group of its own, with or without terminal.
        os.killpg(self._program.pid, number)

    def _program_ended(self, program: subprocess.Popen[bytes], descriptor: int) -> None:
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)
        program.wait()
        _programs.discard(program)
        if self._terminal is not None:
            # The terminal stays open as long as anything in the background holds it: take what is there.
            for output in list(self._outputs):
                self._drain(output)
        self._finish()

    def _finish(self) -> None:
        """Close the channel once the program has ended and all its output is sent."""
        program, channel = self._program, self._channel
        if self._ended or program is None or program.returncode is None or self._outputs or channel is None:
            return
        self._ended = True
        if program.returncode < 0:
            channel.exit_with_signal(signal.Signals(-program.returncode).name.removeprefix("SIG"))
        else:
            channel.exit(program.returncode)

    # ---- bytes

    def _read(self, descriptor: int) -> None:
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            # A terminal says so (EIO) when its last user has closed it.
            data = b""
        if data and self._channel is not None:
            self._channel.write(data, self._outputs[descriptor])
            return
        self._close_output(descriptor)
        self._finish()

    def _drain(self, descriptor: int) -> None:
        while self._channel is not None:
            try:
                data = os.read(descriptor, _CHUNK)
            except OSError:
                break
            if not data:
                break
            self._channel.write(data, self._outputs[descriptor])
        self._close_output(descriptor)

    def _write(self) -> None:
        """Give the program what it takes at once; the rest when it takes more."""
        if self._input is None:
            self._unwritten.clear()
            return
        loop = asyncio.get_running_loop()
        try:
            while self._unwritten:
                del self._unwritten[: os.write(self._input, self._unwritten[:_CHUNK])]
        except BlockingIOError:
            loop.add_writer(self._input, self._write)
            if len(self._unwritten) > _HIGH_WATER and self._channel is not None:
                self._channel.pause_reading()
            return
        except OSError:
            # It has closed its input or ended.
            self._close_input()
            return
        loop.remove_writer(self._input)
        if self._channel is not None:
            self._channel.resume_reading()
        # Reading on may have brought more at once, and the end with it.
        if self._input_ended and self._terminal is None and not self._unwritten:
            self._close_input()

    def _close_output(self, descriptor: int) -> None:
        if descriptor not in self._outputs:
            return
        del self._outputs[descriptor]
        asyncio.get_running_loop().remove_reader(descriptor)
        if descriptor == self._input:
            self._input = None
            asyncio.get_running_loop().remove_writer(descriptor)
        os.close(descriptor)

    def _close_input(self) -> None:
        if self._input is None or self._input in self._outputs:
            return
        asyncio.get_running_loop().remove_writer(self._input)
        os.close(self._input)
        self._input = None


def _set_size(terminal: int, size: tuple[int, int, int, int]) -> None:
    columns, rows, width, height = size
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, width, height))


class Server(asyncssh.SSHServer):
    """One connection: lets the lab's user in with the lab's key, and nobody else."""

    def __init__(self, settings: Settings, key: bytes) -> None:
        self._settings = settings
        self._key = key
        self.sessions = 0

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == self._settings.user and key.public_data == self._key

    def session_requested(self) -> Session | bool:
        return Session(self._settings, self) if self.sessions < self._settings.max_sessions else False


async def serve(layout: Layout, number: int, port: int, max_sessions: int) -> None:
    """Serve until the process ends. Raises OSError when the port is taken."""
    settings = Settings(layout, number, max_sessions)
    key = asyncssh.read_public_key(ssh.key_path(layout).with_suffix(".pub")).public_data
    await asyncssh.create_server(
        lambda: Server(settings, key),
        "127.0.0.1",
        port,
        server_host_keys=[str(ssh.host_key_path(layout, number))],
        encoding=None,
        reuse_address=True,
        agent_forwarding=False,
        line_editor=False,
    )
    await asyncio.Event().wait()


def main(argv: list[str]) -> int:
    directory, number, port, max_sessions = argv
    asyncio.run(serve(Layout(Path(directory)), int(number), int(port), int(max_sessions)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
