from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from sactui import clock
from sactui.core.fitting import check, clock_text, wish_of
from sactui.core.limits import LimitsKeeper, ask
from sactui.core.link import Hello
from sactui.domain.accounting import Association, Budget, Qos
from sactui.domain.job import UNLIMITED
from sactui.domain.limits import Limits, Wish, free_now, largest
from sactui.domain.node import Node, Partition, Window
from sactui.runtimes.hold import HoldOptions
from sactui.slurm.version import LATEST
from sactui.transport.script import Answer, Section

NOW = 1_800_000_000.0
NODES = (
    Node("n1", "IDLE", (), ("main", "gpu"), 32, 0, 32, 128000, 0, gpus=2, gpu_types=(("a100", 2),)),
    Node("n2", "MIXED", (), ("main",), 64, 60, 4, 256000, 250000, features=("avx", "big")),
    Node("n3", "IDLE", ("DRAIN",), ("main",), 32, 0, 32, 128000, 0, reason="disk"),
)
LIMITS = Limits(
    "c",
    NOW,
    "op",
    (
        Partition("main", True, "UP", 7 * 86400, None, 3, "n[1-3]"),
        Partition("gpu", False, "UP", UNLIMITED, 3600, 1, "n1", allow_accounts=("ml",), max_nodes=1),
        Partition("closed", False, "DOWN", 3600),
        Partition("nosub", False, "UP", UNLIMITED, submit_hosts=("login[1-2]",)),
    ),
    NODES,
    (Window("m", NOW + 7200, NOW + 14400, "n[1-3]", ("MAINT",)), Window("x", NOW, None, "n[1-3]", ("SPEC",))),
    (
        Association("c", "lab", "op", "", ("normal", "long"), "normal", max_submit=2, max_wall=86400 * 2),
        Association("c", "ml", "op", "gpu", ("normal",), "normal"),
    ),
    (Qos("normal"), Qos("long", max_wall=86400 * 3, max_tres=(("cpu", 16), ("gres/gpu", 1)))),
    (Budget("lab", "op", (("cpu", 6000),), (("cpu", 5400),)), Budget("lab", "", (("gres/gpu", 10),), ())),
    "lab",
)


def fields(wish: Wish, limits: Limits = LIMITS, **more: int) -> list[tuple[str, bool]]:
    return [(misfit.field, misfit.blocks) for misfit in check(wish, limits, now=NOW, **more)]


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (Wish(time=3600), []),
        (Wish(partition="nope"), [("partition", True)]),
        (Wish(partition="closed", time=60), [("nodes", True), ("partition", False)]),
        (Wish(cpus=65, time=60), [("cpus", True)]),
        (Wish(memory_mib=300000, time=60), [("memory", True)]),
        (Wish(cpus=64, gpus=1, time=60), [("cpus", True)]),  # no node has both
        (Wish(gpus=3, time=60), [("gpus", True)]),
        (Wish(gpus=1, gpu_type="v100", time=60), [("gpus", True)]),
        (Wish(nodes=4, time=60), [("nodes", True)]),
        (Wish(nodes=3, time=60), [("nodes", False)]),  # n3 is drained: it waits
        (Wish(hosts=("n3",), time=60), [("nodelist", False)]),
        (Wish(hosts=("n9",), time=60), [("nodelist", True)]),
        (Wish(features=(("nope",), ("avx", "nope")), time=60), [("constraint", True)]),
        (Wish(features=(("avx", "big"),), time=60), []),
        (Wish(time=8 * 86400), [("time", True), ("time", False), ("time", False)]),
        (Wish(time=5 * 3600), [("time", False)]),  # into the maintenance
        (Wish(time=UNLIMITED), [("time", True), ("time", False)]),
        (Wish(account="nope", time=60), [("account", True)]),
        (Wish(account="lab", partition="gpu", time=60), [("account", True)]),
        (Wish(account="ml", partition="gpu", time=60), []),
        (Wish(account="ml", partition="gpu", time=60, nodes=2), [("nodes", True), ("nodes", True)]),
        (Wish(qos="secret", time=60), [("qos", True)]),
        (Wish(qos="long", cpus=20, time=60), [("cpus", True)]),
        (Wish(partition="nosub", time=60, from_nodes=True), [("nodes", True)]),
        (Wish(cpus=20, time=3600), [("time", False)]),  # the budget
        (Wish(window="x", time=5 * 3600), []),
    ],
)
def test_each_limit_names_its_field(wish: Wish, expected: list[tuple[str, bool]]) -> None:
    assert fields(wish) == expected


def test_the_words_say_what_fits() -> None:
    (misfit,) = check(Wish(time=5 * 3600), LIMITS, now=NOW)
    assert misfit.fits == "02:00:00"
    assert "maintenance" in misfit.what
    assert misfit.remedy == "fits before it: 02:00:00"
    wall = check(Wish(time=30 * 86400), replace(LIMITS, windows=(), budgets=()), now=NOW)
    assert [each.what for each in wall] == ["main allows 7-00:00:00, not 30-00:00:00"]
    assert wall[0].remedy == "ask for at most 7-00:00:00, or use gpu or nosub"


def test_the_qos_goes_before_the_account() -> None:
    free = replace(LIMITS, windows=(), budgets=())
    assert fields(Wish(time=5 * 86400 // 2), free) == [("time", True)]
    assert fields(Wish(time=5 * 86400 // 2, qos="long"), free) == []


def test_how_many_jobs_may_be_in_the_queue() -> None:
    assert fields(Wish(time=60), submitted=1) == []
    assert fields(Wish(time=60), submitted=2) == [("name", True)]
    assert fields(Wish(time=60, submits=2), submitted=1) == [("persistent", True)]


def test_nodes_that_may_not_submit_refuse_what_submits_from_them() -> None:
    nodes = (*NODES, Node("n4", "IDLE", (), ("nosub",), 8, 0, 8, 8000, 0, host_name="n4.x"))
    limits = replace(LIMITS, nodes=nodes, windows=())
    assert fields(Wish(partition="nosub", time=60, from_nodes=True), limits) == [("persistent", True)]
    assert fields(Wish(partition="nosub", time=60), limits) == []


def test_what_the_host_did_not_say_is_not_judged() -> None:
    assert check(Wish(cpus=999, time=UNLIMITED, account="x", qos="y"), Limits("c", NOW), now=NOW) == []
    some = replace(LIMITS, associations=None, qos=None, budgets=None, windows=None)
    assert fields(Wish(cpus=32, time=7 * 86400, account="any"), some) == []


def test_free_and_largest() -> None:
    assert [node.name for node in free_now(Wish(cpus=8), NODES)] == ["n1"]
    assert [node.name for node in free_now(Wish(cpus=4), NODES)] == ["n1", "n2"]
    assert [node.name for node in free_now(Wish(cpus=4, memory_mib=8000), NODES)] == ["n1"]
    assert (best := largest(NODES)) is not None
    assert best.name == "n1"
    assert largest((), free=True) is None


def test_a_booking_becomes_a_wish() -> None:
    wish = wish_of(
        HoldOptions(
            cpus=4, memory="16G", time="1-2", gpus="a100:2", node_list="n[1-2]", constraint="a&b|c", nodes=2
        )
    )
    assert wish == Wish(
        cpus=4,
        memory_mib=16384,
        time=26 * 3600,
        gpus=2,
        gpu_type="a100",
        nodes=2,
        hosts=("n1", "n2"),
        features=(("a", "b"), ("c",)),
    )
    assert wish_of(HoldOptions(constraint="[a*2&b]")).features == ()


def test_points_in_time() -> None:
    assert len(clock_text(NOW + 60, NOW)) in (5, 9)
    assert clock_text(NOW + 86400 * 30, NOW).count("-") == 2
    assert clock_text(None, NOW) == "an unknown time"


_NO_DATABASE = (
    b"sacctmgr: error: slurm_persist_conn_open_without_init: failed to open persistent connection to host:"
    b"localhost:6819: Connection refused\nsacctmgr: error: Sending PersistInit msg: Connection refused\n"
)


class Link:
    """A host whose accounting does not answer, and whose sinfo is cut."""

    host = "c"
    able = LATEST
    hello = Hello("op", "/home/op", "login", "/bin/sh", "slurm 22.05.8", "c", False)

    async def ask(self, *sections: Section, timeout: float = 30.0) -> dict[str, Answer]:
        said = {
            "maintenances": Answer(b"No reservations in the system\n", 0),
            "accounts": Answer(b"", 1, stderr=_NO_DATABASE),
            "qos": Answer(b"", None, complete=False),
            "budgets": Answer(b"lab|op|cpu=60|cpu=6\n", 0),
            "default account": Answer(b"", 124),
            "nodes": Answer(b"n1 cut in the mid", 0),
            "rules": Answer(
                b"PartitionName=main Default=YES State=UP MaxTime=60 TotalNodes=2 Nodes=n[1-2]\n", 0
            ),
            "partitions": Answer(b"", 0),
        }
        return {section.name: said[section.name] for section in sections}


def test_a_part_that_fails_is_missing_with_its_reason_and_takes_nothing_along() -> None:
    found = asyncio.run(ask(Link()))  # type: ignore[arg-type]
    assert set(found.missing) == {"accounts", "qos", "default account", "nodes"}
    assert "accounting does not answer" in found.missing["accounts"]
    assert (found.nodes, found.associations, found.qos) == (None, None, None)
    assert (found.windows, found.user) == ((), "op")
    assert found.budgets is not None
    assert found.budgets[0].left("cpu") == 54
    main = found.partition()
    assert main is not None
    assert (main.name, main.time_limit) == ("main", 3600)
    assert check(Wish(cpus=999), found, now=NOW) == []
    assert [each.field for each in check(Wish(time=7200), found, now=NOW)] == ["time"]


def test_limits_are_asked_again_only_when_they_are_old(monkeypatch: pytest.MonkeyPatch) -> None:
    link = Link()
    asked = []

    async def counted(*sections: Section, timeout: float = 30.0) -> dict[str, Answer]:
        asked.append(len(sections))
        return await Link.ask(link, *sections)

    monkeypatch.setattr(link, "ask", counted)

    async def work() -> None:
        keeper = LimitsKeeper(link)  # type: ignore[arg-type]
        with clock.frozen(NOW):
            first, second = await asyncio.gather(keeper.get(), keeper.get())
        assert first is second
        with clock.frozen(NOW + 1000):
            assert (await keeper.get(max_age=2000)) is first
            assert (await keeper.get()) is not first

    asyncio.run(work())
    assert asked == [8, 8]
