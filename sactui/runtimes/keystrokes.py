"""Typing into an agent: pure scripts, and the fingerprint of the screen it is meant for.

What is typed travels on standard input and through a tmux buffer, never in an argument
list, where every user of the node could read it.
"""

from __future__ import annotations

import re
import shlex

from .tenant import session

#: What one call types at the most, in characters.
LONGEST = 20_000
_HASH = re.compile(r"[0-9]{1,10}-[0-9]{1,9}")


def send_script(name: str, pane: str, socket: str, text: str, token: str, expected: str = "") -> str:
    """One exchange that types ``text`` and enter into an agent's pane, and prints screen hashes.

    It prints ``before HASH``, then ``typed`` and ``after HASH``; ``moved`` instead when the
    pane is not the agent's any more, ``other`` when the screen is not the ``expected`` one.
    """
    own = shlex.quote(session(name))
    return f"""T() {{ tmux -u -L {shlex.quote(socket)} "$@"; }}
look() {{ T capture-pane -p -t {shlex.quote(pane)} | cksum | tr ' ' '-'; }}
[ "$(T display-message -p -t {shlex.quote(pane)} '#{{session_name}} #{{pane_dead}}')" = {own}' 0' ] || {{
  echo moved; exit 0; }}
before=$(look); before=${{before%%-}}
echo "before $before"
expected={shlex.quote(expected)}
if [ -n "$expected" ] && [ "$expected" != "$before" ]; then echo other; exit 0; fi
T send-keys -t {shlex.quote(pane)} -X cancel 2>/dev/null
printf %s {shlex.quote(text)} | T load-buffer -b sactui_{token} - || exit 1
T paste-buffer -d -p -b sactui_{token} -t {shlex.quote(pane)} || exit 1
T send-keys -t {shlex.quote(pane)} Enter || exit 1
echo typed
sleep 0.3
after=$(look)
echo "after ${{after%%-}}"
"""


def is_hash(text: str) -> bool:
    """Whether a text has the form of a screen's fingerprint."""
    return _HASH.fullmatch(text) is not None


def answer(text: str) -> tuple[str, str, str]:
    """(word, hash before, hash after) of the script's answer; the word is typed, moved, other or empty."""
    word, before, after = "", "", ""
    for line in text.splitlines():
        key, _, rest = line.partition(" ")
        if key in ("typed", "moved", "other"):
            word = key
        elif key == "before":
            before = rest.strip()
        elif key == "after":
            after = rest.strip()
    return word, before, after
