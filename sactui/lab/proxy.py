"""A TCP proxy in front of a login host: a network that can be slow, cut, or one-way.

It lives in a thread of the calling process. The alias ``<lab>-proxy`` of the lab's
ssh_config leads through it while it runs.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Literal

from sactui.errors import LabError

Mode = Literal["normal", "cut", "swallow", "stall"]
_CHUNK = 65_536


class Proxy:
    """Forwards 127.0.0.1:``port`` to 127.0.0.1:``target``.

    All methods may be called from any thread and return when the change is in effect.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self._mode: Mode = "normal"
        self._delay = 0.0
        self._accepted = 0
        self._links: set[asyncio.Task[None]] = set()
        self._lossy: set[asyncio.Task[None]] = set()
        self._flowing: asyncio.Event | None = None
        self._server: asyncio.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    # ---- life

    def start(self) -> Proxy:
        """Begin to listen on a port that the system chooses. Raises LabError."""
        loop = asyncio.new_event_loop()
        self._loop = loop
        self._thread = threading.Thread(target=loop.run_forever, name="sactui-lab-proxy", daemon=True)
        self._thread.start()
        self._do(self._listen)
        return self

    def close(self) -> None:
        """Cut everything and end the thread; closing twice does nothing."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        self._do(self._stop)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        self._loop = self._thread = None

    def __enter__(self) -> Proxy:
        return self.start() if self._loop is None else self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- what it does to the traffic

    @property
    def connections(self) -> int:
        """How many connections it carries at this moment."""
        return len(self._links)

    @property
    def accepted(self) -> int:
        """How many connections it has let through since it started."""
        return self._accepted

    def delay(self, seconds: float) -> None:
        """Each byte takes ``seconds`` longer, each way. The other faults stay as they are."""

        async def change() -> None:
            self._delay = seconds

        self._do(change)

    def cut(self) -> None:
        """Close all connections, and refuse new ones (they are accepted and closed at once)."""
        self._do(lambda: self._change("cut"))

    def swallow(self) -> None:
        """What the client sends arrives; what the server answers is lost."""
        self._do(lambda: self._change("swallow"))

    def stall(self) -> None:
        """Nothing passes either way, and nothing is lost: :meth:`normal` lets it through."""
        self._do(lambda: self._change("stall"))

    def normal(self) -> None:
        """No faults, no delay. Connections whose bytes were swallowed are closed: they cannot heal."""

        async def change() -> None:
            self._delay = 0.0
            await self._change("normal")

        self._do(change)

    # ---- in the thread

    def _do(self, act: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if self._loop is None:
            raise LabError("the proxy is not running", "call start() first")
        asyncio.run_coroutine_threadsafe(act(), self._loop).result(timeout=10)

    async def _listen(self) -> None:
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._drop(set(self._links))

    async def _change(self, mode: Mode) -> None:
        self._mode = mode
        assert self._flowing is not None
        if mode == "stall":
            self._flowing.clear()
        else:
            self._flowing.set()
        if mode == "cut":
            await self._drop(set(self._links))
        elif mode == "normal":
            await self._drop(set(self._lossy))

    async def _drop(self, links: set[asyncio.Task[None]]) -> None:
        for link in links:
            link.cancel()
        await asyncio.gather(*links, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._mode == "cut":
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._links.add(task)
        self._accepted += 1
        far: asyncio.StreamWriter | None = None
        # Cancelled only by _drop, and then the connection is to be closed: that is all there is to do.
        with suppress(asyncio.CancelledError, OSError):
            try:
                answers, far = await asyncio.open_connection("127.0.0.1", self.target)
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._carry(reader, far, None))
                    group.create_task(self._carry(answers, writer, task))
            except ExceptionGroup as broken:
                _, other = broken.split(OSError)
                if other is not None:
                    raise other from None
            finally:
                self._links.discard(task)
                self._lossy.discard(task)
                for each in (writer, far):
                    if each is not None:
                        each.transport.abort()

    async def _carry(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, answers: asyncio.Task[None] | None
    ) -> None:
        """Carry one direction; ``answers`` is the connection's task when it is the server's."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=256)

        async def read() -> None:
            while True:
                data = await source.read(_CHUNK)
                await queue.put((loop.time() + self._delay, data))
                if not data:
                    return

        async def write() -> None:
            assert self._flowing is not None
            while True:
                due, data = await queue.get()
                if (early := due - loop.time()) > 0:
                    await asyncio.sleep(early)
                await self._flowing.wait()
                if not data:
                    if sink.can_write_eof():
                        sink.write_eof()
                    return
                if self._mode == "swallow" and answers is not None:
                    self._lossy.add(answers)
                    continue
                sink.write(data)
                await sink.drain()

        async with asyncio.TaskGroup() as group:
            group.create_task(read())
            group.create_task(write())
