"""Asking a reservation from inside: its script's report, and what its tenants use.

Pure: the script that is appended to an exchange, and the reading of its answer.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import replace

from ..domain.text import visible
from ..domain.vitals import Report, Vitals

#: Sums up the processes below one: ``ps`` lines "pid ppid rss time" on standard input.
_SUM = r"""
{ parent[$1] = $2; rss[$1] = $3
  n = split($4, part, /[-:]/); t = part[n] + 60 * part[n-1]
  if (n > 2) t += 3600 * part[n-2]
  if (n > 3) t += 86400 * part[n-3]
  time[$1] = t }
END { for (p in parent) { q = p; depth = 0
    while (q != root && q > 1 && depth++ < 64) q = parent[q]
    if (q == root && p != root) { n2++; r += rss[p]; s += time[p] } }
  print n2 + 0, r + 0, s + 0 }
"""


def script(socket: str, token: str) -> str:
    """Shell text that prints report, last sentence and usage between ``token`` lines."""
    tmux = shlex.join(["tmux", "-u", "-L", socket])
    return f"""
echo '{token}r'; {tmux} show-options -gqv @sactui_report; {tmux} show-options -gqv @sactui_space
echo '{token}s'; {tmux} show-options -gqv @sactui_said
echo '{token}u'; root=$({tmux} display-message -p '#{{pid}}')
ps -o pid= -o ppid= -o rss= -o time= -u "$(id -u)" 2>/dev/null | awk -v root="$root" {shlex.quote(_SUM)}
echo '{token}w'
"""


def parse(text: str, token: str, at: float, before: Vitals | None) -> Vitals | None:
    """The answer to :func:`script` at the node's time ``at``; ``None`` when it is not whole."""
    found = re.search(
        rf"^{token}r\n(.*?)^{token}s\n(.*?)^{token}u\n(.*?)^{token}w$", text, re.MULTILINE | re.DOTALL
    )
    if found is None:
        return None
    said = visible(found.group(2).strip())[:300]
    vitals = Vitals(at, _report(found.group(1)), said)
    usage = re.fullmatch(r"([0-9]+) ([0-9]+) ([0-9.]+)", found.group(3).strip())
    if usage is None:
        return vitals
    seconds = float(usage.group(3))
    cpus = None
    if before is not None and before.cpu_seconds is not None and at - before.at >= 1:
        # What ended meanwhile took its seconds along.
        cpus = max(0.0, seconds - before.cpu_seconds) / (at - before.at)
    return replace(
        vitals,
        processes=int(usage.group(1)),
        memory_mib=int(usage.group(2)) // 1024,
        cpu_seconds=seconds,
        cpus=cpus,
    )


def _report(text: str) -> Report | None:
    given: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        given.setdefault(key, visible(value.strip())[:300])
    if "node" not in given:
        return None

    def number(key: str) -> int | None:
        value = given.get(key, "")
        return int(value) if re.fullmatch(r"[0-9]{1,15}", value) else None

    return Report(
        node=given["node"],
        tmux=given.get("tmux", ""),
        tmux_version=given.get("version", ""),
        claude=given.get("claude", ""),
        locale=given.get("locale", ""),
        proxy=given.get("proxy", ""),
        generation=number("generation") or 1,
        home_free_mib=number("home"),
        work_free_mib=number("work"),
        tmp_free_mib=number("tmp"),
    )
