"""tmux panes as plain values."""

from __future__ import annotations

from dataclasses import dataclass

from .vitals import Vitals


@dataclass(frozen=True, slots=True)
class Pane:
    """One record of ``tmux list-panes -a``; times are epoch seconds of the node's clock."""

    session: str
    pane_id: str  # e.g. %4: exact for the life of the server
    window: int = 0
    pid: int = 0
    dead: bool = False
    exit_status: int | None = None
    exit_signal: str = ""
    command: str = ""
    title: str = ""
    width: int = 0
    height: int = 0
    history: int = 0
    activity_at: float | None = None  # last output of the window
    created_at: float | None = None
    in_mode: bool = False  # copy-mode: keys do not reach the program
    attached: int = 0
    report: str = ""  # what the agent's hooks say, filtered
    report_at: float | None = None
    label: str = ""  # sactui's own pane option: the agent's name


@dataclass(frozen=True, slots=True)
class Server:
    """The answer of one tmux server in one allocation.

    ``job_id`` is the server's own SLURM_JOB_ID; a server of another job is never used.
    """

    socket: str
    job_id: int | None
    pid: int
    version: str
    now: float  # the node's clock at the time of the answer
    panes: tuple[Pane, ...]
    screens: dict[str, str]  # pane_id -> visible text, for the panes that were captured
    vitals: Vitals | None = None  # asked less often than the panes
