"""Several questions in one script, and their answers told apart again.

Each section is a shell script of its own: it cannot read the joined script, cannot end
it, and a syntax error stays its own. Frames carry a token that is random per call, so
that nothing a user can write into a job name forges one. A cut anywhere in the stream
leaves sections marked incomplete, never the answer of another one.

The joined script needs a POSIX shell, and ``timeout`` for the sections' time bounds;
without it only the transport's own timeout holds. ``/proc/uptime`` gives the durations.
"""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Iterable
from dataclasses import dataclass

#: Seconds a section may take when it says nothing else: shorter than the transport's
#: usual timeout, so that one hung command does not cost the other answers.
DEFAULT_TIMEOUT = 25.0
#: A section travels through one environment variable, which Linux limits to 128 KiB.
_LARGEST_SECTION = 120_000
#: Exit status of timeout(1) when it ended the command. (137, when it had to kill it, may
#: as well be somebody else's signal.)
_TIMED_OUT = 124


@dataclass(frozen=True, slots=True)
class Section:
    """One question: a name (one line), a POSIX shell script, and its time bound in seconds.

    ``timeout=None`` sets no bound of its own. The script sees the preamble's exported
    variables, not its functions; its standard input is /dev/null.
    """

    name: str
    script: str
    timeout: float | None = DEFAULT_TIMEOUT


@dataclass(frozen=True, slots=True)
class Script:
    """A joined script and the token that :func:`split` needs for its output."""

    text: str
    token: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a section printed. ``exit_status`` is None while it is not complete.

    ``seconds`` is the section's duration on the host, to 10 ms, 0.0 when not known.
    ``stderr`` has no NUL bytes and no trailing newlines. An incomplete answer's stdout
    is what arrived of it.
    """

    stdout: bytes
    exit_status: int | None
    seconds: float = 0.0
    complete: bool = True
    stderr: bytes = b""

    @property
    def timed_out(self) -> bool:
        """True when the section's time bound ended it."""
        return self.complete and self.exit_status == _TIMED_OUT


# The section's text is carried in the environment, not in argv: other users read argv in
# ps. It is unset before it runs, so that no job inherits it. stdout goes out unbuffered,
# as bytes (fd 3); stderr is small and follows it.
_HEAD = r"""
if command -v timeout >/dev/null 2>&1; then
  sactui_bound() { timeout -k 2 "$@"; }
else
  sactui_bound() { shift; "$@"; }
fi
sactui_free() { shift; "$@"; }
sactui_section() {
  printf '\036%s B %s\n' "$sactui_token" "$1"
  sactui_t0=; sactui_t1=; [ -r /proc/uptime ] && read -r sactui_t0 sactui_rest </proc/uptime
  sactui_err=$(SACTUI_SECTION=$4 "$2" "$3" /bin/sh -c 'sactui_section=$SACTUI_SECTION; unset SACTUI_SECTION
eval "$sactui_section"' sh 2>&1 >&3 3>&- </dev/null)
  sactui_rc=$?
  [ -n "$sactui_t0" ] && read -r sactui_t1 sactui_rest </proc/uptime
  printf '\n\036%s E %s %s %s\n%s\n\036%s Z %s\n' "$sactui_token" "$sactui_rc" \
    "${sactui_t0:--}" "${sactui_t1:--}" "$sactui_err" "$sactui_token" "$1"
}
"""


def build(sections: Iterable[Section], preamble: str = "") -> Script:
    """Join sections into one script; ``preamble`` runs first, in the same shell.

    Raises ValueError for a name that is empty, repeated or not one printable line, and
    for a section beyond 120,000 bytes or with a NUL byte.
    """
    token = secrets.token_hex(12)
    asked = list(sections)
    names = [section.name for section in asked]
    for section in asked:
        if not section.name or not section.name.isprintable():
            raise ValueError(f"not a section name: {section.name!r}")
        if names.count(section.name) > 1:
            raise ValueError(f"two sections are called {section.name!r}")
        size = len(section.script.encode("utf-8", "surrogateescape"))
        if "\0" in section.script or size > _LARGEST_SECTION:
            raise ValueError(f"section {section.name!r}: a NUL byte, or longer than {_LARGEST_SECTION} bytes")
    contents = " ".join(shlex.quote(name) for name in names)
    lines = [preamble, _HEAD, f"sactui_token={token}", "exec 3>&1"]
    lines.append(f"printf '\\036%s T\\n' \"$sactui_token\"; printf '%s\\n' {contents}" if names else ":")
    lines.append("printf '\\036%s T\\n' \"$sactui_token\"")
    for section in asked:
        bound = "sactui_free 0" if section.timeout is None else f"sactui_bound {max(section.timeout, 0.1):g}"
        lines.append(f"sactui_section {shlex.quote(section.name)} {bound} {shlex.quote(section.script)}")
    lines.append("exit 0\n")
    return Script("\n".join(lines), token)


def split(stdout: bytes, token: str) -> dict[str, Answer]:
    """The answers in a joined script's output, by section name, in order.

    Every section that was asked is there as soon as the table of contents arrived; those
    that are missing or cut are marked incomplete. What lies outside the frames is ignored.
    """
    mark = b"\x1e" + token.encode() + b" "
    table = mark + b"T\n"
    start = stdout.find(table)
    end = stdout.find(table, start + len(table)) if start >= 0 else -1
    if end < 0:
        return {}
    names = [line.decode("utf-8", "replace") for line in stdout[start + len(table) : end].split(b"\n")[:-1]]
    answers: dict[str, Answer] = {}
    at: int | None = end + len(table)
    for name in names:
        answer, at = _section(stdout, at, mark, name) if at is not None else (_MISSING, None)
        answers[name] = answer
    return answers


_MISSING = Answer(b"", None, complete=False)


def _section(stdout: bytes, at: int, mark: bytes, name: str) -> tuple[Answer, int | None]:
    """One section's answer and where the next may begin, None behind a cut."""
    label = name.encode()
    begin, separator = mark + b"B " + label + b"\n", b"\n" + mark + b"E "
    end = b"\n" + mark + b"Z " + label + b"\n"
    start = stdout.find(begin, at)
    if start < 0:
        return _MISSING, None
    start += len(begin)
    middle = stdout.find(separator, start)
    if middle < 0:
        return Answer(_without_partial(stdout[start:], separator), None, complete=False), None
    body = stdout[start:middle]
    line_start = middle + len(separator)
    line_end = stdout.find(b"\n", line_start)
    stop = stdout.find(end, line_end) if line_end >= 0 else -1
    fields = stdout[line_start:line_end].split() if line_end >= 0 else []
    if stop < 0 or len(fields) != 3 or not fields[0].isdigit():
        return Answer(body, None, complete=False), None
    answer = Answer(body, int(fields[0]), _duration(fields[1], fields[2]), True, stdout[line_end + 1 : stop])
    return answer, stop + len(end)


def _without_partial(body: bytes, separator: bytes) -> bytes:
    """``body`` without the first bytes of a separator that was cut."""
    for length in range(min(len(separator) - 1, len(body)), 0, -1):
        if body.endswith(separator[:length]):
            return body[:-length]
    return body


def _duration(begin: bytes, end: bytes) -> float:
    try:
        return max(0.0, float(end) - float(begin))
    except ValueError:
        return 0.0
