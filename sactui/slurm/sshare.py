"""sshare: what accounts were granted and what is used up, where the site keeps budgets."""

from __future__ import annotations

from ..domain.accounting import Budget
from . import sacctmgr, values

_FIELDS = ("Account", "User", "GrpTRESMins", "GrpTRESRaw")


def command() -> list[str]:
    """The argv that asks for the caller's own associations and the accounts above them."""
    return ["sshare", "-n", "-P", "-o", ",".join(_FIELDS)]


def parse(data: bytes) -> tuple[tuple[Budget, ...], int]:
    """The budgets that limit something, and how many lines could not be read."""
    rows, bad = sacctmgr.rows(data, len(_FIELDS))
    found = []
    for account, user, granted, used in rows:
        limits = values.tres(granted)
        if limits:
            # The depth in the tree of accounts is shown by leading blanks.
            found.append(Budget(account.strip(), user.strip(), limits, values.tres(used)))
    return tuple(found), bad
