"""What accounts and qualities of service allow one job, and what their budgets still hold: pure."""

from __future__ import annotations

from collections.abc import Sequence

from ..domain.accounting import Association, Qos, Tres
from ..domain.job import UNLIMITED
from ..domain.limits import Limits, Misfit, Wish
from ..domain.node import Partition
from ..slurm import values


def accounts(wish: Wish, partition: Partition | None, limits: Limits) -> list[Misfit]:
    """Whether account and QOS are the user's, and the partition is open to them."""
    found: list[Misfit] = []
    name = partition.name if partition else ""
    own = limits.accounts(name)
    account = wish.account or limits.default_account
    if wish.account and own and wish.account not in own:
        return [
            Misfit("account", f"account {wish.account!r} is not yours here", f"yours: {', '.join(own[:10])}")
        ]
    if partition is not None and account:
        usable = [each for each in own if _admits(partition.allow_accounts, partition.deny_accounts, each)]
        if not _admits(partition.allow_accounts, partition.deny_accounts, account):
            remedy = f"use account {' or '.join(usable[:3])}" if usable else "use another partition"
            found.append(Misfit("account", f"{name} is not open to account {account}", remedy))
    association = limits.association(wish.account, name)
    if association is None:
        return found
    qos = wish.qos or association.default_qos
    if wish.qos and association.qos and wish.qos not in association.qos:
        found.append(
            Misfit(
                "qos",
                f"QOS {wish.qos!r} is not open to account {association.account}",
                f"it may use: {', '.join(association.qos)}",
            )
        )
    elif partition is not None and qos and not _admits(partition.allow_qos, partition.deny_qos, qos):
        usable = [q for q in association.qos if _admits(partition.allow_qos, partition.deny_qos, q)]
        remedy = f"use QOS {' or '.join(usable[:3])}" if usable else "use another partition"
        found.append(Misfit("qos", f"{name} is not open to QOS {qos}", remedy))
    return found


def _admits(allowed: tuple[str, ...], denied: tuple[str, ...], name: str) -> bool:
    return (not allowed or name in allowed) and name not in denied


def judge(wish: Wish, partition: Partition | None, limits: Limits, submitted: int) -> list[Misfit]:
    """The limits of the account and of the QOS: the partition's QOS wins, then the job's."""
    association = limits.association(wish.account, partition.name if partition else "")
    named = wish.qos or (association.default_qos if association else "")
    qualities = [
        quality
        for quality in (limits.quality(partition.qos) if partition else None, limits.quality(named))
        if quality is not None
    ]
    found: list[Misfit] = []
    wall = next(
        ((q.max_wall, f"QOS {q.name} allows") for q in qualities if q.max_wall is not None),
        (association.max_wall, f"account {association.account} allows") if association else (None, ""),
    )
    if partition is None or wish.time is None or not time(wish.time, partition.time_limit, "", limits):
        found += [
            # Slurm takes such a job, and it waits for ever.
            Misfit(each.field, each.what, each.remedy.split(", or use")[0], True, each.fits)
            for each in time(wish.time, *wall, limits)
        ]
    for tres, owner in _granted(qualities, association):
        # One misfit for a field is enough: the first limit that is broken.
        told = {each.field for each in found}
        found += [each for each in _amounts(wish, tres, owner) if each.field not in told]
    most = next(
        ((q.max_submit_per_user, f"QOS {q.name}") for q in qualities if q.max_submit_per_user is not None),
        (association.max_submit, f"account {association.account}") if association else (None, ""),
    )
    if most[0] is not None and submitted + wish.submits > most[0]:
        persistent = wish.submits > 1 and submitted + 1 <= most[0]
        found.append(
            Misfit(
                "persistent" if persistent else "name",
                f"{most[1]} allows {many(most[0], 'job')} in the queue, you have {submitted}"
                + (", and a successor is a further one" if wish.submits > 1 else ""),
                "book without --persistent" if persistent else "end one of your jobs first",
            )
        )
    return found + _budget(wish, partition, limits, association.account if association else "")


def _granted(qualities: Sequence[Qos], association: Association | None) -> list[tuple[Tres, str]]:
    """Every limit of amounts, and whose it is."""
    found: list[tuple[Tres, str]] = []
    for quality in qualities:
        whose = f"QOS {quality.name}"
        found += [(tres, whose) for tres in (quality.max_tres, quality.max_tres_per_user, quality.group_tres)]
    if association is not None:
        whose = f"account {association.account}"
        found += [(association.max_tres, whose), (association.group_tres, whose)]
    return found


def _amounts(wish: Wish, tres: Tres, owner: str) -> list[Misfit]:
    allowed = dict(tres)
    asked = {
        "cpu": ("cpus", wish.cpus * wish.nodes, "CPUs"),
        "mem": ("memory", (wish.memory_mib or 0) * wish.nodes, "memory"),
        "node": ("nodes", wish.nodes, "nodes"),
        "gres/gpu": ("gpus", wish.gpus * wish.nodes, "GPUs"),
    }
    found = []
    for key, (field, amount, word) in asked.items():
        limit = allowed.get(key)
        if limit is None or amount <= limit:
            continue
        most = memory_text(limit) if key == "mem" else str(limit)
        fits = limit if key == "node" else limit // wish.nodes
        found.append(
            Misfit(
                field,
                f"{owner} allows {most} {word} in all, not "
                + (memory_text(amount) if key == "mem" else str(amount)),
                "ask for less: Slurm would take the job and never start it",
                fits=memory_text(fits) if key == "mem" else str(fits),
            )
        )
    return found


def _budget(wish: Wish, partition: Partition | None, limits: Limits, account: str) -> list[Misfit]:
    seconds = wish.time
    if seconds is None and partition is not None:
        seconds = partition.default_time or partition.time_limit
    if seconds is None or seconds == UNLIMITED:
        return []
    asked = {"cpu": wish.cpus * wish.nodes, "gres/gpu": wish.gpus * wish.nodes, "node": wish.nodes}
    words = {"cpu": "CPU", "gres/gpu": "GPU", "node": "node"}
    for budget in limits.budgets or ():
        if budget.account != account or budget.user not in ("", limits.user):
            continue
        for key, amount in asked.items():
            left = budget.left(key)
            if left is None or not amount or amount * seconds <= left * 60:
                continue
            fits = left * 60 // amount // 60 * 60
            return [
                Misfit(
                    "time",
                    f"the budget of account {account} has {left // 60:,} {words[key]} hours left, "
                    f"this asks for {amount * seconds // 3600:,}",
                    f"ask for at most {values.duration_text(fits)}, or use another account"
                    if fits >= 60
                    else "use another account",
                    blocks=False,
                    fits=values.duration_text(fits) if fits >= 60 else "",
                )
            ]
    return []


def time(wanted: int | None, allowed: int | None, who: str, limits: Limits) -> list[Misfit]:
    """The misfit of a time beyond a limit; with the partitions that allow it."""
    if wanted is None or allowed is None or allowed == UNLIMITED or 0 <= wanted <= allowed:
        return []
    longer = [
        p.name
        for p in limits.partitions or ()
        if not p.hidden and (p.time_limit == UNLIMITED or (p.time_limit or 0) >= wanted > 0)
    ]
    written = values.duration_text(allowed)
    other = f", or use {' or '.join(longer[:3])}" if longer and who.split(" ")[0] not in longer else ""
    return [
        Misfit(
            "time",
            f"{who} {written}, not {values.duration_text(wanted)}",
            f"ask for at most {written}{other}",
            fits=written,
        )
    ]


def many(count: int, word: str) -> str:
    """A number and its word: ``1 node``, ``2 nodes``."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def memory_text(mib: int) -> str:
    """Memory in the largest unit that is exact, as sbatch takes it: ``125G``, ``128000M``."""
    return f"{mib // 1024}G" if mib >= 1024 and mib % 1024 == 0 else f"{mib}M"
