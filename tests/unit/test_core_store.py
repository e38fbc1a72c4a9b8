"""The picture: every agent once, broken files named on their rows, the failing layer named once."""

from __future__ import annotations

from dataclasses import replace

from sactui.core.observation import HostPicture, Seen
from sactui.core.store import assemble, host_view
from sactui.domain.fleet import Fleet, Problem, Trouble
from sactui.domain.job import Job
from sactui.domain.pane import Pane, Server
from sactui.domain.state import AgentState, Link, Phase
from sactui.leases.lease import Lease
from sactui.spec.definition import AgentDefinition, SlurmSettings

_LEASE = Lease("spartan-pool", "pool", "spartan", job_id="7", extras={"tmux_server": "sac-7"})
_JOB = Job(7, "pool", "ada", "RUNNING", Phase.RUNNING, node_list="n1", batch_host="n1", elapsed=100)
_DOCS = AgentDefinition(
    "docs", "/agents/docs/docs.yaml", "slurm-tenant", slurm=SlurmSettings(reservation="pool")
)


def server(*names: str) -> Server:
    panes = tuple(
        Pane(name if name == "_root" else f"sac-{name}", f"%{n}", pid=n, command="sh")
        for n, name in enumerate(names, 1)
    )
    return Server("sac-7", 7, 1, "3.3a", 1000.0, panes, {pane.pane_id: "" for pane in panes})


def picture(*names: str) -> HostPicture:
    return HostPicture(
        "spartan", Link.UP, jobs=Seen((_JOB,), 1000.0), servers={7: Seen(server("_root", *names), 1000.0)}
    )


def fleet_of(made: HostPicture, *problems: Problem, previous: Fleet | None = None) -> Fleet:
    return assemble({"spartan": made}, [_LEASE], [_DOCS], problems, {}, previous or Fleet())


def test_a_defined_agent_that_runs_is_one_row_and_a_stranger_is_another() -> None:
    fleet = fleet_of(picture("docs", "stranger"))
    assert sorted(agent.name for agent in fleet.agents) == ["docs", "stranger"]
    assert len({agent.key for agent in fleet.agents}) == 2


def test_an_agent_keeps_its_identity_when_its_reservation_goes() -> None:
    before = fleet_of(picture("docs")).agents[0]
    after = assemble({"spartan": picture()}, [], [_DOCS], (), {}, Fleet()).agents[0]
    assert before.key == after.key
    assert after.state is AgentState.STOPPED


def test_a_broken_file_is_named_on_the_row_of_an_agent_that_would_be_started() -> None:
    problem = Problem("definition", "/agents/docs/docs.yaml:7:3", "unknown key spec.modle")
    (agent,) = fleet_of(picture(), problem).agents
    assert agent.verdict.why == "its definition is broken, line 7: unknown key spec.modle"


def test_a_failed_look_keeps_rows_and_never_says_stopped() -> None:
    first = fleet_of(picture("docs"))
    trouble = Trouble("ssh", "spartan: the connection was lost")
    lost = replace(picture("docs"), link=Link.RETRYING, link_trouble=trouble)
    (agent,) = fleet_of(lost, previous=first).agents
    assert agent.state is not AgentState.STOPPED
    assert agent.node == "n1"


def test_the_link_is_the_layer_while_it_is_down_and_the_host_is_said_once() -> None:
    made = replace(
        picture(),
        link=Link.RETRYING,
        link_trouble=Trouble("ssh", "spartan: connection refused"),
        jobs=Seen((_JOB,), 1000.0, Trouble("controller", "no answer")),
    )
    (trouble,) = host_view(made).troubles
    assert (trouble.layer, trouble.what) == ("ssh", "connection refused")


def test_a_young_job_without_its_server_is_no_trouble_yet() -> None:
    failing = {7: Seen(None, None, Trouble("tmux", "there is no tmux server"))}
    young = replace(picture(), jobs=Seen((replace(_JOB, elapsed=3),), 1000.0), servers=failing)
    assert host_view(young).troubles == ()
    old = replace(picture(), servers=failing)
    assert [trouble.layer for trouble in host_view(old).troubles] == ["tmux"]
