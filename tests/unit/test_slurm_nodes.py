"""sinfo and squeue --steps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sactui.domain.accounting import Step
from sactui.domain.node import Node, Partition
from sactui.slurm import sinfo, steps
from sactui.slurm.records import Tokens
from sactui.slurm.version import capabilities

T = Tokens("zFabcdef12", "zEabcdef12")
OLD = capabilities((18, 8, 0))


def lines(*rows: str) -> bytes:
    return "".join(row.replace("|", T.field) + T.end + "\n" for row in rows).encode(
        "utf-8", "surrogateescape"
    )


C1 = (
    "c1|vm|low|mixed*|6/26/0/32|128000|23147|800|0.81|gpu:a100:2|gpu:a100:1(IDX:0)|fast,ib|"
    "Unknown|Unknown|none"
)


def test_a_node_in_two_partitions_is_one_node() -> None:
    nodes, errors = sinfo.parse_nodes(lines(C1, C1.replace("|low|", "|high*|")), T)
    assert errors == ()
    assert nodes == (
        Node(
            "c1",
            "MIXED",
            ("NOT_RESPONDING",),
            ("low", "high"),
            32,
            6,
            26,
            128000,
            800,
            23147,
            0.81,
            2,
            1,
            (("a100", 2),),
            ("fast", "ib"),
            "vm",
        ),
    )
    assert not nodes[0].usable


def test_a_drained_node_says_why_and_who() -> None:
    row = "c2|vm|low|drained|0/0/32/32|128000|N/A|0|N/A|(null)|(null)|(null)|1795238946|root|@"
    # The reason is an administrator's text; it comes last and may hold anything.
    data = lines(row).replace(b"@", b"disk | broken\nbadly")
    nodes, errors = sinfo.parse_nodes(data, T)
    assert errors == ()
    (node,) = nodes
    assert (node.state, node.flags, node.usable) == ("IDLE", ("DRAIN",), False)
    assert (node.reason, node.reason_by, node.reason_at) == ("disk | broken\nbadly", "root", 1795238946.0)
    assert (node.load, node.memory_free_mib, node.memory_allocated_mib) == (None, None, 0)


@pytest.mark.parametrize(
    ("text", "state", "flags"),
    [
        ("idle", "IDLE", ()),
        ("IDLE+DRAIN", "IDLE", ("DRAIN",)),
        ("draining", "ALLOCATED", ("DRAIN",)),
        ("down*", "DOWN", ("NOT_RESPONDING",)),
        ("idle~", "IDLE", ("POWERED_DOWN",)),
        ("mixed-", "MIXED", ("PLANNED",)),
        ("maint", "IDLE", ("MAINTENANCE",)),
        ("allocated$", "ALLOCATED", ("MAINTENANCE",)),
        ("inval", "DOWN", ("INVALID",)),
        ("drained*", "IDLE", ("DRAIN", "NOT_RESPONDING")),
        ("planned", "PLANNED", ()),
        ("", "UNKNOWN", ()),
        ("IDLE+CLOUD+POWERED_DOWN", "IDLE", ("CLOUD", "POWERED_DOWN")),
        ("brand-new", "BRAND-NEW", ()),
    ],
)
def test_node_states(text: str, state: str, flags: tuple[str, ...]) -> None:
    assert sinfo.node_state(text) == (state, flags)


def test_partitions_are_added_up() -> None:
    partitions, errors = sinfo.parse_partitions(
        lines(
            "low*|up|7-00:00:00|n/a|1|mixed|6/26/0/32|128000|gpu:a100:2|c1",
            "low*|up|7-00:00:00|n/a|2|drained|0/0/64/64|64000+|gpu:a100:2|c[2-3]",
            "big|inact|infinite|1:00:00|0|n/a|0/0/0/0|0|(null)|",
        ),
        T,
    )
    assert errors == ()
    assert partitions[0] == Partition(
        "low", True, "UP", 604800, None, 3, "c1,c[2-3]", (("MIXED", 1), ("DRAIN", 2)), 96, 6, 26, 64000, 6
    )
    assert (partitions[1].name, partitions[1].state, partitions[1].time_limit) == ("big", "INACT", -1)
    assert (partitions[1].nodes, partitions[1].nodes_by_state, partitions[1].default_time) == (0, (), 3600)


def test_commands() -> None:
    assert sinfo.node_command(T)[:5] == ["sinfo", "-h", "-a", "-N", "-O"]
    assert sinfo.node_command(T)[-1].endswith(f"User:{T.field},Reason:{T.end}")
    assert sinfo.node_command(T, OLD)[4] == "-o"
    assert sinfo.partition_command(T)[3] == "-O"
    assert steps.command(T, [3, 4])[-3:] == ["-s", "-j", "3,4"]
    assert steps.command(T, user="op")[-2:] == ["-u", "op"]


def test_steps() -> None:
    found, errors = steps.parse(
        lines(
            "1_4.batch|root|low|0:02|1795240417|c1|batch",
            "12+1.0|op|low|INVALID|N/A|c2|x\ny",
            "nothing|a|b|c|d|e|f",
        ),
        T,
    )
    assert found == (
        Step("1_4", "batch", "batch", "root", "low", "c1", 2, 1795240417.0),
        Step("12+1", "0", "x\ny", "op", "low", "c2", 0, None),
    )
    assert len(errors) == 1


PIECES = st.lists(
    st.sampled_from([T.field, T.end, "\n", "c1", "1/2/3/4", "low*", "7", "1.batch"]) | st.text(max_size=8)
)


@given(PIECES)
def test_any_output(parts: list[str]) -> None:
    data = "".join(parts).encode("utf-8", "surrogatepass")
    for node in sinfo.parse_nodes(data, T)[0]:
        assert node.name
    sinfo.parse_partitions(data, T)
    steps.parse(data, T)


@given(st.integers(0, len(lines(C1, C1.replace("c1", "c2")))))
def test_cut_anywhere(at: int) -> None:
    whole = lines(C1, C1.replace("c1", "c2"))
    truth = sinfo.parse_nodes(whole, T)[0]
    found, _ = sinfo.parse_nodes(whole[:at], T)
    assert found == truth[: len(found)]
