"""How a job ended, in words, and what to do next."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from . import reasons, states, values


@dataclass(frozen=True, slots=True)
class Ended:
    """What is known about the end of a job. Durations in seconds, memory in MiB."""

    state: str
    reason: str = ""
    exit_status: int | None = None
    exit_signal: int = 0
    canceled_by: str = ""  # user id or name
    user_id: int | None = None  # whose job it is
    time_limit: int | None = None
    elapsed: int | None = None
    asked_memory_mib: int | None = None
    memory_used_mib: int | None = None
    node_list: str = ""
    derived_status: int | None = None


_STATUS = {
    1: "a general failure",
    2: "a wrong use of a command, or a failure",
    126: "a command could not be executed",
    127: "a command was not found",
}
_KILLED = "somebody sent it, or the kernel ended it for want of memory"
_SIGNALS = {
    "SIGKILL": _KILLED,
    "SIGTERM": "somebody asked it to end",
    "SIGINT": "somebody interrupted it",
    "SIGHUP": "its terminal was closed",
    "SIGSEGV": "it used memory that is not its own: an error in the program",
    "SIGBUS": "it used memory that is not there: an error in the program, or a file was cut",
    "SIGABRT": "it gave up itself",
    "SIGFPE": "it calculated what cannot be",
    "SIGILL": "it was built for another kind of processor",
    "SIGPIPE": "what read its output had ended",
    "SIGXCPU": "it reached a limit of CPU time (ulimit -t)",
    "SIGXFSZ": "a file reached a size limit",
    "SIGUSR1": "the warning before the time limit, when the job asked for one",
}


def explain(end: Ended) -> tuple[str, str]:
    """(sentence, remedy) about the end; the sentence continues "the job ..."."""
    ran = f" after {values.duration_text(end.elapsed)}" if end.elapsed else ""
    state = states.word(end.state)
    if state == "TIMEOUT":
        limit = f" of {values.duration_text(end.time_limit)}" if end.time_limit else ""
        return (
            f"was killed by Slurm: time limit{limit} reached",
            "ask for more time (--time), or let it save its work before the end (--signal=B:USR1@300)",
        )
    if state == "OUT_OF_MEMORY" or end.reason == "OutOfMemory":
        asked = f" than the {memory(end.asked_memory_mib)} it asked for" if end.asked_memory_mib else ""
        seen = f" (largest task seen: {memory(end.memory_used_mib)})" if end.memory_used_mib else ""
        more = f", e.g. --mem={_double(end.asked_memory_mib)}" if end.asked_memory_mib else ""
        return f"was killed: it used more memory{asked}{seen}{ran}", f"ask for more memory{more}"
    if state == "NODE_FAIL":
        node = f" (one of {end.node_list})" if end.node_list else ""
        return f"ended because a node of it failed{node}{ran}", "submit it again: nothing is wrong with it"
    if state == "BOOT_FAIL":
        return "ended because a node of it did not boot", "submit it again"
    if state == "PREEMPTED":
        return (
            f"was ended{ran} to make room for a job that goes first",
            "submit it again, or use a partition or QOS that is not preempted",
        )
    if state == "DEADLINE":
        return "could not end before its deadline and was ended", "move its deadline, or shorten it"
    if state == "CANCELLED":
        return f"was cancelled by {_who(end)}{ran}", ""
    if state == "REQUEUED":
        return f"went back into the queue{ran}", ""
    if state == "COMPLETED":
        if end.derived_status:
            return (
                f"ended with exit status 0{ran}, but a step of it ended with {end.derived_status}",
                "see its output, and the steps",
            )
        return f"ended with exit status 0{ran}", ""
    if state == "FAILED" or end.exit_signal or end.exit_status:
        return _failed(end, ran)
    return states.sentence(end.state), ""


def _failed(end: Ended, ran: str) -> tuple[str, str]:
    known = reasons.explain(end.reason)
    if end.reason == "JobLaunchFailure":
        return "could not be launched", known.remedy
    status, number = end.exit_status or 0, end.exit_signal
    if not number and 128 < status < 128 + 65:
        # What a shell makes of a child that a signal ended.
        number, told = status - 128, f"exit status {status}"
    else:
        told = ""
    if number:
        name = signal_name(number)
        why = _SIGNALS.get(name, "")
        words = ", ".join(word for word in (told, f"signal {number} {name}".strip()) if word)
        remedy = (
            "compare its memory with what it asked for; see its output"
            if name == "SIGKILL"
            else "see its output"
        )
        return f"was ended by {words}{ran}" + (f": {why}" if why else ""), remedy
    if status:
        why = f" ({_STATUS[status]})" if status in _STATUS else ""
        remedy = (
            "load the module that has the command, or give its full path"
            if status == 127
            else "see its output"
        )
        return f"ended with exit status {status}{why}{ran}", remedy
    if known.known and known.word:
        return f"failed{ran}: it {known.sentence}", known.remedy
    return f"failed{ran}", "see its output"


def _who(end: Ended) -> str:
    who = end.canceled_by
    if not who:
        return "its user or an administrator"
    if who.isdigit() and end.user_id is not None and int(who) == end.user_id:
        return "its own user"
    return "an administrator (root)" if who in ("0", "root") else f"user {who}"


def signal_name(number: int) -> str:
    """``SIGKILL`` for 9; empty for a number that has no name here."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return ""


def memory(mib: int | None) -> str:
    """Memory for people: ``800M``, ``12.5G``."""
    if mib is None:
        return ""
    return f"{mib}M" if mib < 1024 else f"{mib / 1024:.1f}".removesuffix(".0") + "G"


def _double(mib: int | None) -> str:
    twice = 2 * (mib or 0)
    return f"{twice}M" if twice < 2048 else f"{-(-twice // 1024)}G"
