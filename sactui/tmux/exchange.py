"""One exchange with a tmux server: whose it is, its panes, its screens.

A POSIX shell script without files: two calls of tmux, however many panes there are (one
more for each 40). All parts are framed by a random token; the answer is read as a whole
or not at all.
"""

from __future__ import annotations

import re
import secrets
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from ..domain.pane import Pane, Server
from ..domain.text import decode, visible
from ..errors import ProtocolError, Refused, TmuxError
from . import panes
from .commands import base

#: tmux takes a command of at most 16 KiB.
_BATCH = 40


@dataclass(frozen=True, slots=True)
class Question:
    """A script for the node, and what is needed to read its answer."""

    socket: str
    token: str
    script: str
    known: Server | None = None


def build(
    socket: str,
    pane_ids: Sequence[str] | None = None,
    *,
    history: int = 0,
    colours: bool = False,
    known: Server | None = None,
    token: str = "",
) -> Question:
    """The question to the server ``socket``.

    ``pane_ids`` says whose screens are wanted (``None``: all panes', empty: none's),
    ``history`` how many lines above the screen. Screens that stand still since ``known``
    was seen are not printed again: :func:`parse` takes them from there. ``token`` is for
    tests.
    """
    token = token or "zT" + secrets.token_hex(6)
    tmux = shlex.join(base(socket))
    wanted = "%*"
    if pane_ids is not None:
        if not all(re.fullmatch(r"%[0-9]{1,9}", pane) for pane in pane_ids):
            raise Refused(f"{' '.join(pane_ids)!r} are not ids of panes")
        wanted = "|".join(pane_ids)
    options = "-p" + (" -e" if colours else "") + (f" -S -{int(history)}" if history > 0 else "")
    form = shlex.quote(panes.form(token))
    say = 'display-message -p -t "$id"'
    shot = f"{say} '{token}c #{{pane_id}}' ';' capture-pane {options} -t \"$id\" ';' {say} '{token}d'"
    still = " ".join(_standing(known)) if known is not None and not history and not colours else ""
    marks = shlex.quote(_MARK)
    # A pane that vanished meanwhile ends the batch: then each is asked by itself.
    capture = f"""set -f; set --; n=0; batch=; IFS='
'
shots() {{
  shift
  {tmux} "$@" 2>/dev/null && return
  for id in $batch; do {tmux} {shot} 2>/dev/null; done
}}
for l in $({tmux} list-panes -a -F {marks} 2>/dev/null); do
  case " {still} " in *" $l "*) continue ;; esac
  id=${{l%%.*}}
  case "$id" in {wanted}) ;; *) continue ;; esac
  set -- "$@" ';' {shot}
  batch="$batch
$id"; n=$((n+1))
  if [ $n -ge {_BATCH} ]; then shots "$@"; set --; batch=; n=0; fi
done
[ $n -eq 0 ] || shots "$@"
"""
    script = f"""LC_ALL=C; export LC_ALL
echo '{token}b' "$(date +%s)"
if ! command -v tmux >/dev/null 2>&1; then echo '{token}x'; echo '{token}z'; exit 0; fi
list=$({tmux} list-panes -a -F {form} ';' show-environment -g SLURM_JOB_ID 2>&1)
# Without sessions there is no list, but there is a server: it is asked whose it is.
[ $? -eq 0 ] || list="$list
$({tmux} show-environment -g SLURM_JOB_ID 2>&1)"
printf '%s\\n' '{token}l' "$list" '{token}m'
{capture if pane_ids is None or pane_ids else ""}echo '{token}z'
"""
    return Question(socket, token, script, known)


#: What tells that a screen has moved: the second of its last output, its size, its end, copy mode.
_MARK = "#{pane_id}.#{window_activity}.#{pane_width}.#{pane_height}.#{pane_dead}.#{pane_in_mode}"


def _standing(known: Server) -> list[str]:
    """The marks of panes whose known screen is still theirs while the marks are the same.

    Not of one that printed in the second it was looked at, or since: tmux tells the second
    only, and more may have come in it.
    """
    return [
        f"{pane.pane_id}.{int(pane.activity_at)}.{pane.width}.{pane.height}.0.0"
        for pane in known.panes
        if pane.pane_id in known.screens
        and pane.activity_at is not None
        and pane.activity_at < known.now - 1
        and not pane.dead
        and not pane.in_mode
    ]


def parse(answer: bytes, question: Question) -> Server:
    """The server's answer.

    Raises TmuxError when there is no tmux or no server, ProtocolError when the answer is
    not whole. ``job_id`` is ``None`` when the server does not know its job: whoever asks
    compares it before anything is started. A pane whose screen is missing is not in
    ``screens``: it vanished while it was asked for.
    """
    token, socket = question.token, question.socket
    text = decode(answer).replace("\r\n", "\n")
    begun = re.search(rf"^{token}b ([0-9]{{9,12}})$", text, re.MULTILINE)
    ended = re.search(rf"^{token}z$", text, re.MULTILINE)
    if not begun or not ended:
        raise ProtocolError(f"the answer of the tmux server {socket} is not whole")
    body = text[begun.end() : ended.start()]
    now = float(begun.group(1))
    if re.search(rf"^{token}x$", body, re.MULTILINE):
        raise TmuxError(
            "there is no tmux on the node",
            "put 'module load tmux' into the setup of the reservation and book it again",
        )
    listed = re.search(rf"^{token}l\n(.*?)^{token}m$", body, re.MULTILINE | re.DOTALL)
    if not listed:
        raise ProtocolError(f"the answer of the tmux server {socket} has no list of panes")
    listing = panes.parse(listed.group(1), token)
    if listing.bad:
        raise ProtocolError(f"{listing.bad} panes of the tmux server {socket} could not be read")
    job_id = _owner(listing.rest, socket)
    screens = _screens(body[listed.end() :], token, {pane.pane_id for pane in listing.panes})
    if question.known is not None and question.known.pid == listing.server_pid:
        screens = _kept(question.known, listing.panes) | screens
    return Server(
        socket=socket,
        job_id=job_id,
        pid=listing.server_pid,
        version=listing.version,
        now=now,
        panes=listing.panes,
        screens=screens,
    )


def _kept(known: Server, now: Sequence[Pane]) -> dict[str, str]:
    """The known screens of panes that were not asked for, because they stand still."""
    still = set(_standing(known))
    return {
        pane.pane_id: known.screens[pane.pane_id]
        for pane in now
        if pane.activity_at is not None
        and f"{pane.pane_id}.{int(pane.activity_at)}.{pane.width}.{pane.height}.0.0" in still
    }


def _owner(rest: str, socket: str) -> int | None:
    """Whose server it is, from what stands behind the list."""
    said = rest.strip()
    lines = said.split("\n")
    if match := re.fullmatch(r"SLURM_JOB_ID=([0-9]{1,10})", lines[-1]):
        return int(match.group(1))
    lowered = said.lower()
    if "unknown variable" in lowered or lines[-1] == "-SLURM_JOB_ID":
        return None
    if "no server running" in lowered or "error connecting" in lowered or "no such file" in lowered:
        raise TmuxError(
            f"there is no tmux server {socket} in the allocation",
            "it ended, or the reservation was booked without one: release it and book it again",
        )
    if "protocol version mismatch" in lowered:
        raise TmuxError(
            f"the tmux server {socket} is of another version than the node's tmux",
            "load the same tmux module in the setup of the reservation",
        )
    raise TmuxError(
        f"tmux on the node said: {visible(lines[-1])[:200]}" if said else f"tmux said nothing of {socket}"
    )


def _screens(text: str, token: str, known: set[str]) -> dict[str, str]:
    """Pane id -> screen. A frame that is not closed was cut when its pane vanished."""
    frames = re.finditer(
        rf"^{token}c (%[0-9]{{1,9}})\n((?:(?!{token}c %).*\n)*?){token}d$", text, re.MULTILINE
    )
    return {frame.group(1): frame.group(2).removesuffix("\n") for frame in frames if frame.group(1) in known}
