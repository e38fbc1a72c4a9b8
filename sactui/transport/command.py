"""What is handed to a remote shell, and how the program it starts is found and ended.

The user's login shell (bash, tcsh, fish, ...) sees one of two exec strings only:
:data:`EXEC`, whose script travels on standard input, or :func:`sealed`, where a terminal
needs its standard input. Everything started announces itself with a *mark* that carries
its process id: the noise of login profiles lies before the mark, and a program can be
ended by its id where sshd refuses channel signals (root logins, forced commands).
"""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Sequence
from pathlib import Path

#: The exec string of every script.
EXEC = "exec /bin/sh -s"

#: Bytes that mean the same inside single quotes of sh, bash, tcsh and fish. Not among
#: them: the quote, "!" (tcsh's history), the backslash, newlines and what is not ASCII.
_PLAIN = frozenset(
    b'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:,=+ @%-"$()<>|&;{}[]*?~#`^'
)
#: Longest word of a sealed command; some csh refuse longer ones.
_LONGEST_WORD = 1000
#: Noise longer than this is no noise: it is shown as it is.
_LONGEST_NOISE = 256 * 1024


def sealed(command: str) -> str:
    """An exec string that runs ``command`` in /bin/sh from any login shell.

    The command's bytes are single-quoted words in which only what some shell would
    touch is written as octal escapes, put together again by printf. Raises ValueError
    for a command with a NUL byte, which no shell can carry.
    """
    words, word = [], ""
    for byte in command.encode("utf-8", "surrogateescape"):
        if not byte:
            raise ValueError("a command cannot contain a NUL byte")
        piece = chr(byte) if byte in _PLAIN else f"\\0{byte:03o}"
        if len(word) + len(piece) > _LONGEST_WORD:
            words.append(word)
            word = ""
        word += piece
    words.append(word)
    quoted = " ".join(f"'{each}'" for each in words)
    # printf uses its format again for every word, which joins them.
    return f"""exec /bin/sh -c 'exec /bin/sh -c "$(printf %b "$@")"' sh {quoted}"""


class Mark:
    """The announcement of one started program, and the filter that takes it out of its output."""

    def __init__(self) -> None:
        self._token = secrets.token_hex(8)
        self._begin = f"\x1e{self._token} ".encode()
        self._held: bytearray | None = bytearray()
        #: what came before the mark: banners, the output of login profiles
        self.noise = b""
        #: the program's process id on its host; None until the mark was seen
        self.pid: int | None = None
        #: whether the statement that prints the mark was made, and so sent
        self.sent = False

    @property
    def statement(self) -> str:
        """The shell statement that prints the mark."""
        self.sent = True
        return f"printf '\\036%s %s\\036' {self._token} \"$$\""

    def script(self, script: str) -> str:
        """A script on standard input, announced."""
        return f"{self.statement}\n{script}\n"

    def stay(self, command: str) -> str:
        """A command on standard input that gets the rest of standard input.

        The braces make the shell read all of it before the mark is printed: dash reads
        ahead as far as it can, so nothing may be sent behind it before the mark is seen.
        """
        return f"{{ {self.statement}\n{command}\nexit $?; }}\n"

    def feed(self, data: bytes) -> bytes:
        """Take the next output; returns what lies behind the mark."""
        if self._held is None:
            return data
        self._held += data
        at = self._held.find(self._begin)
        end = self._held.find(b"\x1e", at + len(self._begin)) if at >= 0 else -1
        if end >= 0:
            number = bytes(self._held[at + len(self._begin) : end])
            self.pid = int(number) if number.isdigit() else None
            self.noise = bytes(self._held[:at])
            rest, self._held = bytes(self._held[end + 1 :]), None
            return rest
        return self.rest() if len(self._held) > _LONGEST_NOISE else b""

    def rest(self) -> bytes:
        """What is still held back, at the end of an output that never had the mark."""
        held, self._held = self._held, None
        return bytes(held or b"")


#: Signals to the program, its descendants (``timeout`` puts its child into a process group
#: of its own) and its group, one after the other until nothing of it is left. The list is
#: taken before the first signal: afterwards orphans no longer lead back to the program.
#: A zombie has ended, although nobody may ever reap it (containers without an init).
_ENDING = r"""
tree() { ps -A -o pid= -o ppid= 2>/dev/null | awk -v root="$1" '
  { kids[$2] = kids[$2] " " $1 }
  END { n = split(root, queue, " ")
        for (i = 1; i <= n; i++) { print queue[i]
          m = split(kids[queue[i]], k, " "); for (j = 1; j <= m; j++) queue[++n] = k[j] } }'; }
left() { alive=
  for p in $all; do
    kill -0 "$p" 2>/dev/null || continue
    case $(ps -o stat= -p "$p" 2>/dev/null) in Z*) ;; *) alive="$alive $p" ;; esac
  done; [ -n "$alive" ]; }
all=$(tree "$1"); all=${all:-$1}; root=$1; shift
for s in "$@"; do
  kill -s "$s" -- "-$root" 2>/dev/null
  for p in $all; do kill -s "$s" "$p" 2>/dev/null; done
  n=0
  while left && [ "$n" -lt 12 ]; do sleep 0.1 2>/dev/null || sleep 1; n=$((n + 1)); done
  [ -z "$alive" ] && exit 0
done
exit 1
"""


def ending(pid: int, signals: Sequence[str] = ("TERM", "KILL")) -> str:
    """A script that ends a program of ours and everything it started; status 0 when it is gone.

    Up to 1.2 s are waited after every signal.
    """
    return f"set -- {pid} {shlex.join(signals)}\n{_ENDING}"


#: A console that is handed to the user's own OpenSSH still opens nothing else. A
#: half-open link is noticed after 20 s.
_FOREGROUND = (
    "ControlMaster=no",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "RemoteCommand=none",
)


def foreground(
    host: str, command: str, ssh_config: Path | None = None, options: Sequence[str] = ()
) -> list[str]:
    """The argv of an OpenSSH client that runs ``command`` on the terminal it inherits."""
    argv = ["ssh", "-tt"]
    if ssh_config is not None:
        argv += ["-F", str(ssh_config)]
    for option in (*_FOREGROUND, *options):
        argv += ["-o", option]
    return [*argv, "--", host, sealed(command)]
