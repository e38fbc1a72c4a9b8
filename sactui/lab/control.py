"""How others speak to a lab's supervisor: one JSON object each way on a unix socket.

Request: ``{"action": "stop" | "kill" | "hang" | "resume" | "restart", "daemon": NAME}``.
Answer: ``{"ok": true}`` or ``{"error": TEXT, "remedy": TEXT}``.
"""

from __future__ import annotations

import json
import socket
from contextlib import closing
from pathlib import Path

from sactui.errors import LabError

ACTIONS = ("stop", "kill", "hang", "resume", "restart")


def ask(path: Path, action: str, daemon: str, *, timeout: float = 30.0) -> None:
    """Have the supervisor do ``action`` to ``daemon`` and wait until it is done. Raises LabError."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as link:
        link.settimeout(timeout)
        try:
            link.connect(str(path))
            link.sendall(json.dumps({"action": action, "daemon": daemon}).encode() + b"\n")
            received = b""
            while not received.endswith(b"\n"):
                chunk = link.recv(4096)
                if not chunk:
                    raise LabError(
                        f"the lab's supervisor ended while it should {action} {daemon}", "sactui lab up"
                    )
                received += chunk
        except TimeoutError as error:
            raise LabError(
                f"the lab's supervisor took more than {timeout:.0f} s to {action} {daemon}"
            ) from error
        except OSError as error:
            raise LabError(
                f"the lab's supervisor cannot be reached: {error.strerror}", "sactui lab up"
            ) from error
    answer = json.loads(received)
    if "error" in answer:
        raise LabError(answer["error"], answer.get("remedy", ""))


def read_request(link: socket.socket) -> tuple[str, str]:
    """The action and daemon that the peer asks for. Raises LabError, OSError."""
    link.settimeout(2.0)
    received = b""
    while not received.endswith(b"\n"):
        chunk = link.recv(4096)
        if not chunk:
            raise LabError("the request ended early")
        received += chunk
    try:
        request = json.loads(received)
        action, daemon = request["action"], request["daemon"]
    except (ValueError, TypeError, KeyError) as error:
        raise LabError(f"the request cannot be read: {received[:80]!r}") from error
    if action not in ACTIONS or not isinstance(daemon, str):
        raise LabError(f"the supervisor knows no action {action!r}", f"one of {', '.join(ACTIONS)}")
    return action, daemon


def answer(link: socket.socket, error: LabError | None = None) -> None:
    """Send the outcome to the peer. Raises OSError."""
    said = {"ok": True} if error is None else {"error": error.message, "remedy": error.remedy}
    link.sendall(json.dumps(said).encode() + b"\n")
