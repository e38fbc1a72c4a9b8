"""Why a state is what it is, in words: the claim, the chain of evidence, the conclusion."""

from __future__ import annotations

from .fleet import Agent, Evidence
from .spoken import ago, clock_time
from .text import visible

_SOURCES = {"slurm": "Slurm"}


def explain(agent: Agent, now: float) -> list[str]:
    """Why the state is what it is, in paragraphs: the claim, the chain of evidence, the conclusion."""
    verdict = agent.verdict
    seen = "never seen" if agent.observed_at is None else f"seen {ago(now - agent.observed_at)}"
    since = "" if verdict.since is None else f"since {clock_time(verdict.since, now)}, "
    paragraphs = [f"{visible(agent.name)} is {agent.state.value}, {since}{seen}"]
    chain = [(_SOURCES.get(item.source, item.source), _evidence(item, now)) for item in verdict.chain]
    if chain:
        label = max(len(name) for name, _ in chain)
        paragraphs.append("\n".join(f"{name:<{label}}   {text}" for name, text in chain))
    if verdict.why:
        decided = f", decided by {_SOURCES.get(verdict.layer, verdict.layer)}" if verdict.layer else ""
        paragraphs.append(f"so: {visible(verdict.why)}{decided}")
    return paragraphs


def _evidence(item: Evidence, now: float) -> str:
    at = "" if item.at is None else f"  ({ago(now - item.at)})"
    note = ": ".join(part for part in (visible(item.note), "" if item.used else "not used") if part)
    return f"{visible(item.text)}{at}{'   ' + note if note else ''}"
