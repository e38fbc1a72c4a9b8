"""Why a job waits, or why it ended: Slurm's reason in words, and what would help."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """``word`` is Slurm's own, ``detail`` what it wrote behind it; ``known`` is False when
    sactui has no words for it and only repeats it."""

    word: str
    sentence: str
    remedy: str = ""
    detail: str = ""
    known: bool = True


_WAIT = "nothing to do: it starts by itself"
_ADMIN = "ask the site's administrators"

_TABLE: dict[str, tuple[str, str]] = {
    # waiting its turn
    "Resources": (
        "waits for nodes, CPUs, memory or GPUs to become free",
        "ask for less, or for another partition",
    ),
    "Priority": ("waits behind jobs that go first", "ask for less or a shorter time: short jobs fill gaps"),
    "None": ("has not been looked at by the scheduler yet", _WAIT),
    "NoReason": ("has not been looked at by the scheduler yet", _WAIT),
    "WaitingForScheduling": ("has not been looked at by the scheduler yet", _WAIT),
    "SchedDefer": ("waits until the scheduler looks at jobs again", _WAIT),
    "Prolog": ("waits for the site's preparation of its nodes", _WAIT),
    "Cleaning": ("waits until its previous run is cleaned up", _WAIT),
    "FedJobLock": ("waits for the other clusters of the federation", _WAIT),
    "BeginTime": ("waits for its earliest start time", "scontrol update StartTime=now starts it earlier"),
    "Dependency": ("waits for another job", "see its dependency; scontrol update Dependency= removes it"),
    "DependencyNeverSatisfied": (
        "waits for another job in a way that can never come true",
        "cancel it, or remove the dependency",
    ),
    "JobArrayTaskLimit": (
        "waits because its array may run only so many tasks at once",
        "scontrol update ArrayTaskThrottle=",
    ),
    "Licenses": ("waits for a licence", "ask for fewer licences, or wait until others return theirs"),
    "Reservation": ("waits for its advance reservation to begin", "see scontrol show reservation"),
    "MpiPortsBusy": ("waits for free ports for MPI", _WAIT),
    "MaxPoweredUpNodes": ("waits because the site allows only so many nodes to be switched on", _WAIT),
    # held
    "JobHeldUser": ("is held by its user", "release it"),
    "JobHeldAdmin": ("is held by an administrator", _ADMIN),
    "JobHoldMaxRequeue": (
        "is held because it went back into the queue too often",
        "find out why it fails, then release it",
    ),
    "ReservationDeleted": (
        "is held because its advance reservation was deleted",
        "change its reservation, then release it",
    ),
    "ReservationInvalid": ("names an advance reservation it cannot use", "change or remove its reservation"),
    # nodes and partitions
    "ReqNodeNotAvail": (
        "wants a node that is not available now: down, drained or set aside",
        "drop the node list, or shorten the time so that it ends before a maintenance",
    ),
    "NodeDown": ("needs a node that is down", "drop the node list, or wait for the administrators"),
    "FrontEndDown": ("needs a front end that is down", _ADMIN),
    "PartitionDown": ("waits because its partition is down", "use another partition"),
    "PartitionInactive": ("waits because its partition starts no jobs now", "use another partition"),
    "PartitionNodeLimit": (
        "asks for more or fewer nodes than its partition allows",
        "change the number of nodes",
    ),
    "PartitionTimeLimit": ("asks for more time than its partition allows", "shorten its time limit"),
    "PartitionConfig": ("asks for what its partition does not allow", "use another partition"),
    "BadConstraints": ("asks for a combination that no node has", "change its constraints, memory or GPUs"),
    "Constraints": ("asks for a combination that no node has now", "change its constraints, memory or GPUs"),
    "MaxMemPerLimit": (
        "asks for more memory per CPU or node than allowed",
        "ask for less memory, or for more CPUs",
    ),
    # accounts and limits without a resource in their name
    "AccountNotAllowed": ("its account may not use this partition", "use another account or partition"),
    "InvalidAccount": ("its account does not exist", "use another account"),
    "InvalidQOS": ("its QOS does not exist or is not yours", "use another QOS"),
    "QOSNotAllowed": ("its QOS may not be used in this partition", "use another QOS or partition"),
    "AccountingPolicy": ("breaks a rule of the site's accounting", "ask for less, or ask the administrators"),
    "AssociationJobLimit": ("its account has reached its number of jobs", _WAIT),
    "AssociationResourceLimit": ("its account has reached its resources", _WAIT),
    "AssociationTimeLimit": ("its account has used up its time", _ADMIN),
    "QOSJobLimit": ("its QOS has reached its number of jobs", _WAIT),
    "QOSResourceLimit": ("its QOS has reached its resources", _WAIT),
    "QOSTimeLimit": ("asks for more time than its QOS allows", "shorten its time limit"),
    "QOSUsageThreshold": ("its QOS is closed because too much was used", "wait, or use another QOS"),
    # burst buffers
    "BurstBufferResources": ("waits for space in the burst buffer", _WAIT),
    "BurstBufferStageIn": ("waits until its files are copied in", _WAIT),
    "BurstBufferOperation": ("is held because an operation of the burst buffer failed", _ADMIN),
    # how it ended
    "SystemFailure": ("ended by a failure of Slurm, a file system or the network", "submit it again"),
    "JobLaunchFailure": (
        "could not be launched",
        "look whether its script and its directory are there on the node",
    ),
    "NonZeroExitCode": ("ended with an exit status other than 0", "see its output"),
    "RaisedSignal": ("was ended by a signal", "see its output"),
    "TimeLimit": ("reached its time limit", "ask for more time"),
    "InactiveLimit": ("was ended because it was inactive for too long", "start something in it sooner"),
    "DeadLine": ("could not end before its deadline", "move its deadline"),
    "OutOfMemory": ("used more memory than it had asked for", "ask for more memory"),
}
_BY_FOLDED = {word.lower(): word for word in _TABLE}

_RESOURCES = {
    "cpu": "CPUs",
    "mem": "memory",
    "memory": "memory",
    "node": "nodes",
    "gres": "GPUs or other devices",
    "license": "licences",
    "energy": "energy",
    "bb": "burst buffer space",
    "billing": "billing units",
    "unknown": "a resource",
    "jobs": "running jobs",
    "submitjobs": "submitted jobs",
    "submitjob": "submitted jobs",
    "wall": "time",
    "wallduration": "time",
}
_LIMIT = re.compile(
    r"(?P<owner>QOS|Assoc)?(?P<kind>Grp|Max|Min)"
    r"(?P<what>CPU|Memory|Mem|Node|GRES|License|Energy|BB|Billing|Unknown|SubmitJobs|SubmitJob|Jobs|WallDuration|Wall)"
    r"(?P<time>RunMinutes|RunMins|Minutes)?(?P<per>Per(?:Job|Node|User|Account))?(?:NotSatisfied)?(?:Limit)?",
    re.IGNORECASE,
)

#: Sentences that Slurm writes in the place of a word: beginning -> word of the table.
_PROSE = (
    ("nodes required for job are down", "ReqNodeNotAvail"),
    ("reqnodenotavail", "ReqNodeNotAvail"),
    ("launch failed requeued held", "JobLaunchFailure"),
    ("job requeued in held state", "JobHeldUser"),
    ("job held by user", "JobHeldUser"),
    ("resv_deleted", "ReservationDeleted"),
    ("burst_buffer", "BurstBufferOperation"),
    ("resources", "Resources"),
    ("priority", "Priority"),
    ("dependency", "Dependency"),
)


def explain(text: str) -> Reason:
    """Slurm's reason in words. An empty one is "none given yet"; an unknown one is shown
    as Slurm wrote it."""
    bare = text.strip()
    if bare.startswith("(") and bare.endswith(")"):
        bare = bare[1:-1].strip()
    word, _, detail = bare.partition(",")
    word, detail = word.strip(), detail.strip()
    if "UnavailableNodes:" in word:
        word, detail = "ReqNodeNotAvail", word[word.index("UnavailableNodes:") :]
    if not word:
        return Reason("", *_TABLE["None"])
    known = _BY_FOLDED.get(word.lower())
    if known is None and (limit := _limit(word)):
        return Reason(word, *limit, detail)
    if known is None:
        for beginning, target in _PROSE:
            if bare.lower().startswith(beginning):
                return Reason(target, *_TABLE[target], bare)
        return Reason(bare, f"waits; Slurm says: {bare}", "", "", known=False)
    sentence, remedy = _TABLE[known]
    lowered = detail.lower()
    others = [_BY_FOLDED[part.strip()] for part in lowered.split(",") if part.strip() in _BY_FOLDED]
    if others:
        # The record of a folded array gives every reason that some of its tasks have.
        more = "; it ".join(_TABLE[other][0] for other in others)
        return Reason(known, f"{sentence}; for some of its tasks: it {more}", _TABLE[others[-1]][1], detail)
    if known == "ReqNodeNotAvail":
        nodes = re.search(r"unavailablenodes:\s*(\S+)", lowered)
        if "maintenance" in lowered:
            sentence, remedy = (
                "waits because its nodes are set aside for a maintenance",
                "shorten its time limit so that it ends before the maintenance",
            )
        elif "may be reserved" in lowered:
            sentence, remedy = "waits because its nodes may be set aside for another job", _WAIT
        elif nodes:
            sentence = f"wants nodes that are not available now: {detail[nodes.start(1) : nodes.end(1)]}"
    return Reason(known, sentence, remedy, detail)


def _limit(word: str) -> tuple[str, str] | None:
    """Words for the limit reasons, which Slurm builds from parts: ``QOSMaxGRESPerUser``."""
    match = _LIMIT.fullmatch(word)
    if not match:
        return None
    owner = {"qos": "QOS", "assoc": "account"}.get((match.group("owner") or "").lower(), "QOS or account")
    what = _RESOURCES[match.group("what").lower()]
    kind, per, time = match.group("kind").lower(), (match.group("per") or "").lower(), match.group("time")
    if kind == "min":
        return (
            f"asks for less {what} than its {owner} demands",
            f"ask for more {what}, or use another {owner}",
        )
    measure = f"{what} x minutes" if time else what
    if kind == "grp":
        all_jobs = f"all jobs of its {owner} together have reached their limit of {measure}"
        if time and time.lower() == "minutes":
            return (
                f"{all_jobs}, which counts what was used",
                f"wait until the use is forgotten, or use another {owner}",
            )
        return all_jobs, f"wait until others of them end, or use another {owner}"
    if per in ("perjob", "pernode", "") and what not in ("running jobs", "submitted jobs"):
        place = " on one node" if per == "pernode" else " in one job"
        return (
            f"asks for more {measure}{place} than its {owner} allows",
            f"ask for less, or use another {owner}",
        )
    who = {"peruser": "your jobs together", "peraccount": "the jobs of your account together"}.get(
        per, "your jobs together"
    )
    return (
        f"{who} have reached the limit of {measure} of its {owner}",
        "wait until one of them ends, or cancel one",
    )
