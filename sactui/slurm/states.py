"""Every job state and flag of Slurm: what it means, in one table.

The phases of the common states are those of the platforms that drive Slurm (pending,
running, paused, done, error, canceled). A word that is not in the table is kept as it
is, and its phase is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..domain.state import Phase


@dataclass(frozen=True, slots=True)
class State:
    """One state word. ``flag`` marks what Slurm sets beside a base state; ``decides`` says
    whether such a flag, and not the base state, gives the phase."""

    word: str
    code: str
    phase: Phase
    sentence: str
    flag: bool = False
    decides: bool = True


_TABLE = (
    State("PENDING", "PD", Phase.PENDING, "waits for its resources"),
    State("RUNNING", "R", Phase.RUNNING, "has its resources and runs"),
    State(
        "SUSPENDED", "S", Phase.PAUSED, "is suspended: its processes are stopped, its CPUs serve other jobs"
    ),
    State("COMPLETED", "CD", Phase.DONE, "ended with exit status 0"),
    State("CANCELLED", "CA", Phase.CANCELED, "was cancelled by its user or an administrator"),
    State("FAILED", "F", Phase.ERROR, "ended with an exit status other than 0, or failed otherwise"),
    State("TIMEOUT", "TO", Phase.ERROR, "reached its time limit and was ended"),
    State("NODE_FAIL", "NF", Phase.ERROR, "ended because a node of it failed"),
    State("PREEMPTED", "PR", Phase.CANCELED, "was ended to make room for a job that goes first"),
    State("BOOT_FAIL", "BF", Phase.ERROR, "ended because a node of it did not boot"),
    State("DEADLINE", "DL", Phase.ERROR, "could not end before its deadline and was ended"),
    State("OUT_OF_MEMORY", "OOM", Phase.ERROR, "used more memory than it had asked for"),
    State("COMPLETING", "CG", Phase.RUNNING, "is ending: some of its processes are still there", flag=True),
    State("CONFIGURING", "CF", Phase.PENDING, "has its nodes, which are being made ready", flag=True),
    State("POWER_UP_NODE", "", Phase.PENDING, "has its nodes, which are being switched on", flag=True),
    State("SIGNALING", "SI", Phase.RUNNING, "is being sent a signal", flag=True, decides=False),
    State("STAGE_OUT", "SO", Phase.RUNNING, "has ended and its files are being copied out", flag=True),
    State("STOPPED", "ST", Phase.PAUSED, "is stopped by a signal and keeps its CPUs", flag=True),
    State("RESIZING", "RS", Phase.RUNNING, "is changing its size", flag=True, decides=False),
    State("REQUEUED", "RQ", Phase.PENDING, "is ending and goes back into the queue", flag=True),
    State("REQUEUE_HOLD", "RH", Phase.PENDING, "went back into the queue and is held", flag=True),
    State("REQUEUE_FED", "RF", Phase.PENDING, "goes back into the queue of its federation", flag=True),
    State(
        "SPECIAL_EXIT",
        "SE",
        Phase.PENDING,
        "went back into the queue in a special state and is held",
        flag=True,
    ),
    State(
        "RESV_DEL_HOLD", "RD", Phase.PENDING, "is held because its advance reservation was deleted", flag=True
    ),
    State(
        "REVOKED", "RV", Phase.CANCELED, "was withdrawn here because another cluster started it", flag=True
    ),
    State("LAUNCH_FAILED", "", Phase.ERROR, "could not be launched", flag=True, decides=False),
    State(
        "RECONFIG_FAIL",
        "",
        Phase.ERROR,
        "ended because a node of it could not be configured",
        flag=True,
        decides=False,
    ),
    State("UPDATE_DB", "", Phase.UNKNOWN, "is being written to accounting", flag=True, decides=False),
    State("EXPEDITING", "", Phase.PENDING, "went back into the queue and is put first", flag=True),
)

#: By word and by compact code.
STATES: dict[str, State] = {state.word: state for state in _TABLE} | {
    state.code: state for state in _TABLE if state.code
}

_TAIL = re.compile(r"(?:\+| by .*)$", re.DOTALL)


def word(text: str) -> str:
    """Slurm's full word for what a command printed: ``CG`` is COMPLETING, and
    ``CANCELLED by 1000`` or ``CANCELLED+`` is CANCELLED. An unknown word is kept."""
    bare = _TAIL.sub("", text.strip()).upper()
    state = STATES.get(bare)
    return state.word if state else _TAIL.sub("", text.strip())


def phase(text: str) -> Phase:
    """What a state word or code means; unknown for words that are not in the table."""
    state = STATES.get(word(text))
    return state.phase if state else Phase.UNKNOWN


def sentence(text: str) -> str:
    """A state in words, as the rest of a sentence about a job."""
    state = STATES.get(word(text))
    return (
        state.sentence if state else f"is in the state {text.strip() or '(none)'}, which sactui does not know"
    )


def combined(words: Sequence[str]) -> tuple[str, Phase]:
    """The word to show and the phase of a state given as a list (Slurm's JSON).

    A flag that decides wins over the base state, as in squeue: ``[COMPLETED,
    COMPLETING]`` is COMPLETING and still running.
    """
    known = [word(each) for each in words if each.strip()]
    states = [STATES[each] for each in known if each in STATES]
    for state in states:
        if state.flag and state.decides:
            return state.word, state.phase
    for state in states:
        if not state.flag:
            return state.word, state.phase
    if states:
        return states[0].word, states[0].phase
    return (known[0] if known else ""), Phase.UNKNOWN


def canceled_by(text: str) -> str:
    """The user in accounting's ``CANCELLED by 1000``; empty when nobody is named."""
    before, found, who = text.strip().partition(" by ")
    return who.strip() if found and word(before) == "CANCELLED" else ""
