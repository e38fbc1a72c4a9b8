"""The header at every width, the banners, the details and the explanation."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from sactui.domain.fleet import Agent, Evidence, Fleet, HostView, Reservation, Trouble, Verdict
from sactui.domain.job import Job
from sactui.domain.pane import Pane
from sactui.domain.state import AgentState, Link, Phase
from sactui.ui.render import details, header, words
from sactui.ui.table.row import Span, width_of
from sactui.ui.theming import load_theme

NOW = 1_795_286_940.0  # Sat 2026-11-21 18:49 UTC


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def some(state: AgentState, count: int) -> list[Agent]:
    return [Agent(f"{state}-{i}", "claude", "spartan", "", "", Verdict(state)) for i in range(count)]


TROUBLE = Trouble(
    "controller",
    "Slurm's controller does not answer (squeue: Unable to contact slurm controller)",
    since=NOW - 34,
    next_try=NOW + 4,
)
FLEET = Fleet(
    hosts=(
        HostView("spartan", Link.UP, latency=0.008, data_at=NOW - 1, calls_per_minute=25, interval=2),
        HostView(
            "cedar",
            Link.RETRYING,
            data_at=NOW - 34,
            next_try=NOW + 4,
            troubles=(TROUBLE,),
            calls_per_minute=6,
        ),
    ),
    agents=(
        *some(AgentState.ASKING, 2),
        *some(AgentState.LIMITED, 1),
        *some(AgentState.WORKING, 9),
        *some(AgentState.IDLE, 3),
        *some(AgentState.DEAD, 1),
    ),
)


def text(spans: tuple[Span, ...]) -> str:
    return "".join(span[0] for span in spans)


def test_a_wide_header_says_everything() -> None:
    line = text(header.line(FLEET, NOW, 150))
    assert line.startswith(" sactui  spartan ● 8 ms  cedar ◐ retry in 4 s, data 34 s old   ")
    assert "  ? 2 asking  ✖ 1 dead  ◷ 1 limited  ● 9 working  ○ 3 idle  " in line
    assert line.endswith(" 2 s · 31 calls/min")


def test_a_narrow_header_keeps_the_counts() -> None:
    line = text(header.line(FLEET, NOW, 80))
    assert line.startswith(" sactui  spartan ●")
    for count in ("? 2", "✖ 1", "◷ 1", "● 9", "○ 3"):
        assert count in line


@pytest.mark.parametrize("read_only", [True, False])
def test_the_header_fits_every_width(read_only: bool) -> None:
    for width in range(70, 220):
        assert width_of(text(header.line(FLEET, NOW, width, read_only=read_only))) <= width


def test_read_only_is_always_said() -> None:
    for width in (80, 120, 200):
        assert "read-only" in text(header.line(FLEET, NOW, width, read_only=True))


def test_the_painted_header_is_the_same_text() -> None:
    painted = header.header(FLEET, NOW, load_theme("dark"), width=120)
    assert painted.plain == text(header.line(FLEET, NOW, 120))


def test_an_ascii_header_is_ascii() -> None:
    assert text(header.line(FLEET, NOW, 150, glyphs=words.ASCII)).isascii()


@pytest.mark.parametrize(
    ("view", "said"),
    [
        (HostView("h", Link.UP, latency=0.0123, data_at=NOW), "12 ms"),
        (HostView("h", Link.UP, latency=0.0123, data_at=NOW - 90), "12 ms, data 1 m old"),
        (HostView("h", Link.UP), ""),
        (HostView("h", Link.RETRYING), "down"),
        (HostView("h", Link.WAITING, data_at=NOW - 90), "down, r dials, data 1 m old"),
        (HostView("h", Link.CONNECTING), "connecting"),
        (HostView("h", Link.IDLE), "not connected"),
        (HostView("h", Link.CLOSED), "closed"),
    ],
)
def test_links_in_words(view: HostView, said: str) -> None:
    assert header.link_words(view, NOW) == said


def test_a_banner_says_what_since_when_and_what_next() -> None:
    (banner,) = header.banners(FLEET, NOW)
    assert text(banner) == (
        " ⚠ cedar: Slurm's controller does not answer (squeue: Unable to contact slurm controller)."
        " Data from 18:48:26, 34 s old. Next try in 4 s.  r now"
    )


def test_details_list_what_is_known_and_nothing_else() -> None:
    pane = Pane("trainer", "%4", pid=77, width=100, height=30, history=1, activity_at=NOW - 3)
    verdict = Verdict(AgentState.LIMITED, "resets 20:10\x1b[0m", NOW - 240)
    agent = Agent("trainer", "claude", "spartan", "gpu-pool", "opus", verdict, pane=pane, observed_at=NOW - 1)
    facts = dict(details.agent_details(agent, NOW))
    assert facts["state"] == "◷ limited"
    assert facts["why"] == "resets 20:10\\e[0m"
    assert facts["since"] == "18:45, 4 m ago"
    assert facts["pane"] == "%4 of session trainer, alive"
    assert facts["size"] == "100x30, 1 line of history"
    assert "node" not in facts
    assert all(facts.values())


def test_job_details_put_slurms_words_beside_ours() -> None:
    job = Job(
        7, "n", "me", "PENDING", Phase.PENDING, "Resources", time_limit=3600, cpus=8, memory_mib=2048, gpus=1,
        expected_start=NOW + 3600,
    )  # fmt: skip
    facts = dict(details.job_details(job, NOW, "waits for 8 free CPUs"))
    assert facts["state"] == "pending, PENDING (Resources)"
    assert facts["why"] == "waits for 8 free CPUs"
    assert facts["asks for"] == "8 CPUs, 2G, 1 GPU"
    assert facts["run time"] == "0s of 1h"
    assert facts["may start"] == "19:49, in 1 h"


def test_reservation_details_hold_the_lease_and_the_job() -> None:
    job = Job(7, "pool", "me", "RUNNING", Phase.RUNNING, partition="gpu", elapsed=60)
    lease = Reservation("pool", "h", "l1", 7, "sac-7", True, job, Phase.RUNNING, "running", ends_at=NOW + 60)
    facts = details.reservation_details(lease, NOW)
    assert len({label for label, _ in facts}) == len(facts)
    assert dict(facts)["tmux server"] == "sac-7"
    assert dict(facts)["partition"] == "gpu"


def test_explain_shows_the_chain_and_what_was_not_used() -> None:
    chain = (
        Evidence("slurm", "job 4711 running on gpu07, ends 19:31", NOW - 1),
        Evidence("agent", "reports idle (hook)", NOW - 2760, used=False, note="older than the screen"),
    )
    verdict = Verdict(AgentState.LIMITED, "limited until 20:10", NOW - 240, "screen", chain)
    agent = Agent("trainer-2", "claude", "spartan", "", "", verdict, observed_at=NOW - 1)
    first, evidence, last = details.explain(agent, NOW)
    assert first == "trainer-2 is limited, since 18:45, seen 1 s ago"
    assert evidence.splitlines() == [
        "Slurm   job 4711 running on gpu07, ends 19:31  (1 s ago)",
        "agent   reports idle (hook)  (46 m ago)   older than the screen: not used",
    ]
    assert last == "so: limited until 20:10, decided by screen"
