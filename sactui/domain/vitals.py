"""What a reservation's own tmux server says of the node and of what runs below it."""

from __future__ import annotations

from dataclasses import dataclass

#: Less free space than this, in MiB, and agents will fail to write soon.
_LITTLE_SPACE = 512


@dataclass(frozen=True, slots=True)
class Report:
    """What agents will find on the node: read by the batch script in its first second.

    Paths are empty when there is none; free space is in MiB, ``None`` when it is not known.
    """

    node: str = ""
    tmux: str = ""
    tmux_version: str = ""
    claude: str = ""
    locale: str = ""
    proxy: str = ""
    generation: int = 1
    home_free_mib: int | None = None
    work_free_mib: int | None = None
    tmp_free_mib: int | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What an agent will stumble over, in sentences; empty when nothing is known to be wrong."""
        found = []
        if not self.claude:
            found.append("claude is not on the PATH there: give the reservation a setup that puts it there")
        if "utf-8" not in self.locale.lower().replace("utf8", "utf-8"):
            found.append(f"the locale there is {self.locale or 'not set'}: characters beyond ASCII break")
        for what, free in (("home directory", self.home_free_mib), ("work directory", self.work_free_mib)):
            if free is not None and free < _LITTLE_SPACE:
                found.append(f"the {what} has {free} MiB left")
        return tuple(found)

    @property
    def verdict(self) -> str:
        """One line for the details."""
        return "; ".join(self.warnings) or f"ready: {self.tmux_version}, claude, {self.locale}"


@dataclass(frozen=True, slots=True)
class Vitals:
    """One look at a reservation from inside.

    ``said`` is the last sentence of its batch script (about a successor). ``cpu_seconds``
    and ``memory_mib`` are those of all processes below the tmux server; ``cpus`` is the
    rate since the look before, ``None`` for the first.
    """

    at: float
    report: Report | None = None
    said: str = ""
    processes: int | None = None
    cpu_seconds: float | None = None
    memory_mib: int | None = None
    cpus: float | None = None
