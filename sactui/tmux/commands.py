"""tmux commands with exact targets.

tmux matches targets by prefix: ``-t sac-ref1`` finds ``sac-ref10``. A leading ``=`` makes
a name exact, but where a pane is wanted only ``=name:`` works; a pane id is exact.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..errors import Refused
from .version import Capabilities

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,98}")
_SOCKET = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,98}")
_PANE = re.compile(r"%[0-9]{1,9}")
_LATEST = Capabilities()


def session_name(agent: str) -> str:
    """The session of an agent. tmux rewrites ``.`` and ``:``, and blanks end a target in
    other programs: such names are refused."""
    if not _NAME.fullmatch(agent):
        raise Refused(
            f"agent name {agent!r} cannot be a tmux session",
            "use letters, digits, - and _ only: rename the directory of the definition",
        )
    return f"sac-{agent}"


def session_target(agent: str) -> str:
    """Exactly this agent's session, for commands that take a session."""
    return f"={session_name(agent)}"


def pane_target(agent_or_pane: str) -> str:
    """Exactly this pane (``%4``), or the active pane of this agent's session."""
    return agent_or_pane if _PANE.fullmatch(agent_or_pane) else f"={session_name(agent_or_pane)}:"


def base(socket: str) -> list[str]:
    """``tmux`` on a socket of its own, with UTF-8 whatever the locale says."""
    if not _SOCKET.fullmatch(socket):
        raise Refused(f"{socket!r} cannot be the name of a tmux socket", "use letters, digits, - _ and .")
    return ["tmux", "-u", "-L", socket]


def has_session(socket: str, agent: str) -> list[str]:
    return [*base(socket), "has-session", "-t", session_target(agent)]


def new_session(
    socket: str,
    agent: str,
    program: Sequence[str],
    *,
    directory: str = "",
    columns: int = 160,
    rows: int = 48,
    environment: Mapping[str, str] | None = None,
    able: Capabilities = _LATEST,
) -> list[str]:
    """Start ``program`` in a new session; prints its pane id.

    ``environment`` is seen in ``ps`` by every user while the command runs: no secrets.
    """
    argv = [*base(socket), "new-session", "-d", "-P", "-F", "#{pane_id}", "-s", session_name(agent)]
    argv += ["-x", str(columns), "-y", str(rows)]
    if directory:
        argv += ["-c", _literal(directory)]
    words = list(program)
    for key, value in (environment or {}).items():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key):
            raise Refused(f"{key!r} is not a name of an environment variable")
        if able.new_session_environment:
            argv += ["-e", f"{key}={value}"]
    if environment and not able.new_session_environment:
        words = ["env", *(f"{key}={value}" for key, value in environment.items()), *words]
    if not words:
        raise Refused(f"agent {agent}: there is no program to start")
    return [*argv, "--", *_words(words)]


def kill_session(socket: str, agent: str) -> list[str]:
    return [*base(socket), "kill-session", "-t", session_target(agent)]


def respawn(socket: str, pane: str, program: Sequence[str], *, kill: bool = False) -> list[str]:
    """Start ``program`` again in a dead pane, or with ``kill`` in a living one. Options of
    the pane stay: unset reports of the program before."""
    return [
        *base(socket),
        "respawn-pane",
        *(["-k"] if kill else []),
        "-t",
        pane_target(pane),
        "--",
        *_words(program),
    ]


def send_text(socket: str, pane: str, text: str) -> list[str]:
    """Type ``text`` as it is: no key names, no end of line."""
    if not text:
        raise Refused("there is nothing to type")
    return [*base(socket), "send-keys", "-t", pane_target(pane), "-l", "--", _literal_keys(text)]


def send_keys(socket: str, pane: str, keys: Sequence[str]) -> list[str]:
    """Press keys by tmux's names: Enter, C-c, Escape."""
    if not keys or not all(re.fullmatch(r"[A-Za-z0-9+/-]{1,20}", key) for key in keys):
        raise Refused(f"{' '.join(keys)!r} are not names of keys")
    return [*base(socket), "send-keys", "-t", pane_target(pane), *keys]


def set_pane_option(socket: str, pane: str, option: str, value: str) -> list[str]:
    """Set one of our pane options (``@sactui_...``); an empty value unsets it."""
    if not re.fullmatch(r"@sactui_[a-z_]{1,30}", option):
        raise Refused(f"{option!r} is not an option of sactui")
    argv = [*base(socket), "set-option", "-p", "-t", pane_target(pane)]
    return [*argv, option, _literal(value)] if value else [*argv, "-u", option]


def capture(socket: str, pane: str, *, history: int = 0, colours: bool = False) -> list[str]:
    """The screen of a pane, ``history`` lines above it included; ``colours`` keeps them as
    escape sequences."""
    argv = [*base(socket), "capture-pane", "-p", *(["-e"] if colours else []), "-t", pane_target(pane)]
    return [*argv, "-S", f"-{int(history)}"] if history > 0 else argv


def attach(socket: str, agent: str, *, read_only: bool = False, able: Capabilities = _LATEST) -> list[str]:
    """Attach a terminal to an agent. Looking only (``read_only``) does not resize it."""
    argv = [*base(socket), "attach-session", "-t", session_target(agent)]
    if read_only:
        argv += ["-f", "read-only,ignore-size"] if able.ignore_size else ["-r"]
    return argv


def _words(words: Sequence[str]) -> list[str]:
    # tmux runs several words as they are, but gives a single one to a shell; and a word
    # that ends in ";" ends the command.
    found = [_literal(word) for word in words]
    if not found:
        raise Refused("there is no program to start")
    return found if len(found) > 1 else ["env", *found]


def _literal(word: str) -> str:
    """A word whose trailing ``;`` does not end tmux's command."""
    return f"{word[:-1]}\\;" if word.endswith(";") else word


def _literal_keys(text: str) -> str:
    return _literal(text)
