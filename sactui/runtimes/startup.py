"""What an agent is told once it is ready: a script that the tmux server runs on the node.

It belongs to the server, and so to the job: neither the end of the console nor of the step
that started the agent ends it. What is typed travels through a file of ours (0600) and a
tmux buffer, never in an argument list.
"""

from __future__ import annotations

import shlex

from ..spec.definition import Startup

#: The pane option that tells how it went: waits, done, timeout, gone.
OPTION = "@sactui_startup"


def wanted(startup: Startup) -> bool:
    """Whether there is anything to type."""
    return bool(startup.commands)


def script(startup: Startup) -> str:
    """The text of the file; its arguments are the agent's pane and the server's socket name.

    Patterns are extended regular expressions of grep on the lines of the screen, Perl's
    where the node's grep knows them.
    """
    looks = max(1, round(startup.timeout / max(0.1, startup.poll_interval)))
    tests = "".join(
        f"  printf '%s\\n' \"$screen\" | match -e {shlex.quote(p)} || ready=\n" for p in startup.patterns
    )
    typed = "".join(
        (f"sleep {command.delay}\n" if command.delay else "")
        + f"type_in {shlex.quote(command.command)} || {{ end gone; exit 0; }}\n"
        for command in startup.commands
    )
    fail = "end timeout; exit 0" if startup.on_timeout == "capture_and_fail" else "late=1"
    return f"""rm -f -- "$0"
pane=$1 sock=$2 late=
T() {{ tmux -u -L "$sock" "$@"; }}
end() {{ T set-option -p -t "$pane" {OPTION} "$1" 2>/dev/null; }}
alive() {{ [ "$(T display-message -p -t "$pane" '#{{pane_dead}}' 2>/dev/null)" = 0 ]; }}
if printf 'a1\\n' | grep -Pq 'a\\d' 2>/dev/null; then match() {{ grep -Pq "$@"; }}
else match() {{ grep -Eq "$@"; }}; fi
type_in() {{
  alive || return 1
  printf %s "$1" | T load-buffer -b "sactui_$$" - || return 1
  T paste-buffer -d -p -b "sactui_$$" -t "$pane" || return 1
  sleep 0.2
  T send-keys -t "$pane" Enter
}}
end waits
looks=0 same=0 before=
while :; do
  alive || {{ end gone; exit 0; }}
  screen=$(T capture-pane -p -t "$pane")
  ready=1
{tests}  now=$(printf %s "$screen" | cksum)
  if [ "$now" = "$before" ]; then same=$((same + 1)); else same=0 before=$now; fi
  [ -n "$ready" ] && [ $same -ge {max(0, startup.idle_ticks - 1)} ] && break
  looks=$((looks + 1))
  if [ $looks -ge {looks} ]; then {fail}; break; fi
  sleep {startup.poll_interval:g}
done
{typed}if [ -n "$late" ]; then end timeout; else end done; fi
"""
