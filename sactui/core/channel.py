"""The channel into an allocation: one long-lived Slurm step, asked again and again.

A step per question costs the accounting a row and the controller three RPCs, so one
step per reservation stays open and is fed framed scripts. It ends with the console:
its standard input closes, or a watchdog process in the step finds nobody talking.
"""

from __future__ import annotations

import asyncio
import secrets
import shlex
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from .. import clock
from ..errors import ConnectionLost, ProtocolError, RunTimeout, SlurmError
from ..slurm import errors as slurm_errors
from ..transport.base import Channel, Completed, Transport

#: An answer beyond this many bytes is not read further.
_LARGEST_ANSWER = 16 * 1024 * 1024
#: Seconds of silence after which the step ends itself, even when its shell is blocked in
#: a write to a laptop that sleeps: the watchdog is a process of its own.
_SILENCE = 120
#: Empty lines that one exchange may send to hurry its answer on.
_NUDGES = 6

#: Fed to the step's shell first. The watchdog counts in steps of 5 s and starts again
#: at each USR1, which every exchange sends; then it ends the whole process group. It runs
#: out of a command substitution because that returns only when its output is closed, and
#: so not before its trap is set: an earlier USR1 would end it.
_WATCHDOG = f"""
exec 2>&1
export TERM=dumb
sactui_watchdog=$( ( n=0; trap 'n=0' USR1; trap 'kill $!; exit 0' TERM; exec >/dev/null 2>&1
  while [ $n -lt {_SILENCE // 5} ]; do
    sleep 5 & wait $!; n=$((n+1)); kill -0 $$ || exit 0
  done
  kill -KILL $$; kill -KILL 0 ) </dev/null & echo $! )
trap 'kill $sactui_watchdog 2>/dev/null' EXIT
"""


class Exchange(Protocol):
    """Anything that runs a script inside an allocation and returns its answer."""

    #: why this is not the long-lived channel; empty when it is
    reason: str

    async def exchange(self, script: str, timeout: float = 15.0) -> Completed: ...

    async def close(self) -> None: ...


class StepChannel:
    """One open step. Exchanges are one at a time; a failed one closes the channel."""

    reason = ""

    def __init__(self, transport: Transport, argv: Sequence[str], preamble: str, job_id: int = 0) -> None:
        """``argv`` is the srun command of a step that runs ``sh``; ``preamble`` runs before it.

        ``job_id`` is the job of the step, 0 for none.
        """
        self._transport = transport
        self._command = f"{preamble}\nexec {shlex.join(argv)}"
        self._preamble = preamble
        self._job_id = job_id
        self._step = ""
        self._left_behind: list[str] = []
        self._channel: Channel | None = None
        self._lock = asyncio.Lock()

    @property
    def open(self) -> bool:
        return self._channel is not None

    async def exchange(self, script: str, timeout: float = 15.0) -> Completed:
        """Run ``script`` in the step. stdout and stderr come back as one stream.

        Raises SlurmError when no step can be had (the text is Slurm's), RunTimeout,
        ConnectionLost. After any of them the channel is closed.
        """
        async with self._lock:
            began = clock.monotonic()
            try:
                async with asyncio.timeout(timeout):
                    if self._channel is None:
                        await self._open(began)
                    assert self._channel is not None
                    return await self._ask(self._channel, script, began)
            except TimeoutError:
                await self._drop(failed=True)
                raise RunTimeout(
                    f"{self._transport.host}: no answer from the step within {timeout:.0f} s"
                ) from None
            except BaseException:
                await self._drop(failed=True)
                raise

    async def _open(self, began: float) -> None:
        channel = self._channel = await self._transport.open_channel(self._command)
        await self._send(channel, _WATCHDOG.encode())
        if self._job_id:
            said = await self._ask(channel, 'echo "$SLURM_STEP_ID"', began)
            self._step = said.stdout.decode("ascii", "replace").strip()
        gone = [f"{self._job_id}.{step}" for step in self._left_behind if step.isdigit()]
        self._left_behind.clear()
        if gone:
            await self._transport.run(f"{self._preamble}\n{shlex.join(['scancel', *gone])} </dev/null\n")

    async def _ask(self, channel: Channel, script: str, began: float) -> Completed:
        token = secrets.token_hex(12)
        # The script is evaluated in a shell of its own: a syntax error in it cannot end the
        # channel's shell, and nothing in it can read the channel's input. It is in no
        # argument list, where every user of the node could read it. The answer leaves in one
        # write: several small ones cost 40 ms each (Nagle and delayed ACK between slurmstepd
        # and srun).
        framed = (
            # At once, and a line of its own: a long question comes in pieces of 1 KiB too, and
            # any output carries along the acknowledgement that the next piece waits for.
            f"kill -USR1 $sactui_watchdog; printf '%s\\n' {token}_B\n"
            f"sactui_answer=$( (eval \"$(cat <<'{token}_S'\n{script}\n{token}_S\n)\") </dev/null 2>&1; "
            f"printf '\\n%s %s' {token}_E $?); printf '%s\\n' \"$sactui_answer\"\n"
        )
        await self._send(channel, framed.encode("utf-8", "surrogateescape"))
        begin, end = f"{token}_B\n".encode(), f"\n{token}_E ".encode()
        answer, nudges = bytearray(), _NUDGES
        while True:
            data = await channel.read()
            if not data:
                raise self._ended(await channel.wait(), channel.stderr, bytes(answer))
            answer += data.replace(b"\r\n", b"\n")
            if len(answer) > _LARGEST_ANSWER:
                raise ProtocolError(f"{self._transport.host}: the step answers without end")
            at = answer.find(end, max(0, len(answer) - len(data) - len(end) - 16))
            if at >= 0 and answer.find(b"\n", at + len(end)) >= 0:
                start = answer.find(begin)
                status = answer[at + len(end) :].split(b"\n", 1)[0].strip()
                if start < 0 or not status.isdigit():
                    raise ProtocolError(f"{self._transport.host}: the step's answer has no frame")
                body = bytes(answer[start + len(begin) : at])
                return Completed(body, b"", int(status), clock.monotonic() - began)
            # Slurm relays an answer in pieces of 1 KiB and holds each back until the one before
            # is acknowledged, 40 ms later; an empty line to the shell carries that along.
            if nudges:
                nudges -= 1
                with suppress(ConnectionLost):
                    await channel.write(b"\n")

    async def _send(self, channel: Channel, data: bytes) -> None:
        """Write; a step that was refused takes no input, and has said why."""
        try:
            await channel.write(data)
        except ConnectionLost as error:
            answer = b""
            with suppress(ConnectionLost):
                while more := await channel.read():
                    answer += more
            ended = self._ended(await channel.wait(), channel.stderr, answer)
            raise ended from error

    def _ended(self, status: int | None, stderr: bytes, answer: bytes) -> SlurmError | ConnectionLost:
        text = (stderr + b"\n" + answer).decode("utf-8", "replace").strip()
        if not text and status is None:
            return ConnectionLost(f"{self._transport.host}: the link to the step broke")
        return slurm_errors.classify(text or f"srun ended with status {status}")

    async def close(self) -> None:
        """End the step and wait for its end."""
        async with self._lock:
            await self._drop()

    async def _drop(self, *, failed: bool = False) -> None:
        # A step whose link broke lives on over there until its watchdog finds nobody
        # talking: the next one that is opened ends it first.
        if self._step and (failed or not self._transport.connected):
            self._left_behind.append(self._step)
        channel, self._channel, self._step = self._channel, None, ""
        if channel is not None:
            # Shielded: a cancelled refresh must not leave the step behind.
            await asyncio.shield(channel.close())


class SingleSteps:
    """The fallback where a lasting step is refused: one srun per exchange, with the reason."""

    def __init__(self, transport: Transport, argv: Sequence[str], preamble: str, reason: str) -> None:
        self.reason = reason
        self._transport = transport
        self._argv = [word for word in argv if word != "--unbuffered"]
        self._preamble = preamble

    async def exchange(self, script: str, timeout: float = 15.0) -> Completed:
        """Run ``script`` as a step of its own; errors as for the channel."""
        token = secrets.token_hex(12)
        # On the step's standard input, not in an argument list: it may hold secrets.
        fed = f"(eval \"$(cat <<'{token}_S'\n{script}\n{token}_S\n)\") </dev/null"
        text = f"{self._preamble}\n{shlex.join(self._argv)} <<'{token}_T'\n{fed}\n{token}_T\n"
        completed = await self._transport.run(text, timeout=timeout)
        if completed.exit_status and not completed.stdout:
            raise slurm_errors.classify(completed.stderr.decode("utf-8", "replace"))
        return completed

    async def close(self) -> None:
        """Nothing stays open."""
